// Products of many rows in float32: c[m, n] = a · b + beta · c, in tiles of SIDE x SIDE outputs for a block of 256
// threads, DEEP inputs of the inner sum at a time, staged in shared memory while the next are on their way in registers.
// A thread keeps (SIDE / 16)² outputs in registers. Traffic from memory: (m·n·k / SIDE)·8 bytes at most, less what
// the second cache catches. An output is one sum over k in order, whatever m, n and the tile: its bits depend on its
// own row of a and column of b alone.

// How one element is stored.
struct F32Value {
    typedef float Stored;
    static __device__ __forceinline__ float of(float v) { return v; }
};

struct BF16Value {
    typedef unsigned short Stored;
    static __device__ __forceinline__ float of(unsigned short v) { return of_bf16(v); }
};

struct F16Value {
    typedef unsigned short Stored;
    static __device__ __forceinline__ float of(unsigned short v) { return of_f16(v); }
};

// A thread's EACH elements of an operand's next DEEP inputs, of SIDE outputs from "first" on; many and deep are the
// operand's sizes, and what lies beyond them is 0. Neighbouring threads read neighbouring elements.

// Rows [many, deep]: elements are of one input, APART outputs apart.
template <class V, int SIDE, int DEEP>
struct Rows {
    enum { EACH = SIDE * DEEP / 256, APART = 256 / DEEP };
    const typename V::Stored *at;
    int valid, left, deep;
    float held[EACH];

    __device__ __forceinline__ Rows(const void *from, int first, int many, int deep) : deep(deep) {
        int o = first + threadIdx.x / DEEP, i = threadIdx.x % DEEP;
        at = (const typename V::Stored *) from + (int64) o * deep + i;
        valid = (many - o + APART - 1) / APART;
        left = deep - i;
    }

    __device__ __forceinline__ void fetch() {
#pragma unroll
        for (int e = 0; e < EACH; e++) held[e] = left > 0 && e < valid ? V::of(at[(int64) e * APART * deep]) : 0;
        at += DEEP;
        left -= DEEP;
    }

    __device__ __forceinline__ void put(float (*to)[SIDE + 4]) const {
#pragma unroll
        for (int e = 0; e < EACH; e++) to[threadIdx.x % DEEP][threadIdx.x / DEEP + e * APART] = held[e];
    }
};

// As Rows, of 8-bit weights: APART is a multiple of a band's rows.
template <int SIDE, int DEEP>
struct Bands {
    enum { EACH = SIDE * DEEP / 256, APART = 256 / DEEP };
    const signed char *at;
    const float *scales;
    int valid, input, deep;
    float held[EACH];

    __device__ __forceinline__ Bands(const void *from, int first, int many, int deep) : deep(deep) {
        int o = first + threadIdx.x / DEEP;
        input = threadIdx.x % DEEP;
        at = band_row(from, o, deep);
        scales = band_scales(from, o, deep);
        valid = (many - o + APART - 1) / APART;
    }

    __device__ __forceinline__ void fetch() {
        int64 apart = (int64) APART / 4 * (4 * (int64) deep + deep / 2);
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            bool inside = input < deep && e < valid;
            held[e] = inside ? at[e * apart + input] * scales[e * (apart / 4) + input / 32] : 0;
        }
        input += DEEP;
    }

    __device__ __forceinline__ void put(float (*to)[SIDE + 4]) const {
#pragma unroll
        for (int e = 0; e < EACH; e++) to[threadIdx.x % DEEP][threadIdx.x / DEEP + e * APART] = held[e];
    }
};

// Columns [deep, many]: elements are of one output, APART inputs apart.
template <int SIDE, int DEEP>
struct Columns {
    enum { EACH = SIDE * DEEP / 256, APART = 256 / SIDE };
    const float *at;
    int many, left;
    float held[EACH];

    __device__ __forceinline__ Columns(const void *from, int first, int many, int deep) : many(many) {
        int o = first + threadIdx.x % SIDE, i = threadIdx.x / SIDE;
        at = (const float *) from + (int64) i * many + o;
        left = o < many ? deep - i : 0;
    }

    __device__ __forceinline__ void fetch() {
#pragma unroll
        for (int e = 0; e < EACH; e++) held[e] = e * APART < left ? at[(int64) e * APART * many] : 0;
        at += (int64) DEEP * many;
        left -= DEEP;
    }

    __device__ __forceinline__ void put(float (*to)[SIDE + 4]) const {
#pragma unroll
        for (int e = 0; e < EACH; e++) to[threadIdx.x / SIDE + e * APART][threadIdx.x % SIDE] = held[e];
    }
};

template <int SIDE>
struct Tile {
    enum { DEEP = 1024 / SIDE, QUADS = SIDE / 64 };
};

template <class A, class B, int SIDE>
__device__ __forceinline__ void product(
        float *__restrict__ c, const void *__restrict__ a, const void *__restrict__ b, int m, int n, int k, int adds) {
    enum { DEEP = Tile<SIDE>::DEEP, QUADS = Tile<SIDE>::QUADS };
    __shared__ __align__(16) float as[DEEP][SIDE + 4], bs[DEEP][SIDE + 4];
    int across = (n + SIDE - 1) / SIDE, row = blockIdx.x / across * SIDE, column = blockIdx.x % across * SIDE;
    int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
    float sum[4 * QUADS][4 * QUADS];
#pragma unroll
    for (int i = 0; i < 4 * QUADS; i++)
#pragma unroll
        for (int j = 0; j < 4 * QUADS; j++) sum[i][j] = 0;
    A pa(a, row, m, k);
    B pb(b, column, n, k);
    pa.fetch();
    pb.fetch();
    for (int at = 0; at < k; at += DEEP) {
        __syncthreads();
        pa.put(as);
        pb.put(bs);
        __syncthreads();
        if (at + DEEP < k) {
            pa.fetch();
            pb.fetch();
        }
        // Inputs beyond k are zeros; a sum that a zero is added to keeps its bits.
#pragma unroll
        for (int i = 0; i < DEEP; i++) {
            float u[4 * QUADS], v[4 * QUADS];
#pragma unroll
            for (int q = 0; q < QUADS; q++) {
                float4 x = *(const float4 *) &as[i][64 * q + 4 * ty], z = *(const float4 *) &bs[i][64 * q + 4 * tx];
                u[4 * q] = x.x, u[4 * q + 1] = x.y, u[4 * q + 2] = x.z, u[4 * q + 3] = x.w;
                v[4 * q] = z.x, v[4 * q + 1] = z.y, v[4 * q + 2] = z.z, v[4 * q + 3] = z.w;
            }
#pragma unroll
            for (int y = 0; y < 4 * QUADS; y++)
#pragma unroll
                for (int x = 0; x < 4 * QUADS; x++) sum[y][x] = fmaf(u[y], v[x], sum[y][x]);
        }
    }
#pragma unroll
    for (int y = 0; y < 4 * QUADS; y++) {
        int r = row + y / 4 * 64 + 4 * ty + y % 4;
        if (r >= m) continue;
#pragma unroll
        for (int x = 0; x < 4 * QUADS; x++) {
            int o = column + x / 4 * 64 + 4 * tx + x % 4;
            if (o >= n) continue;
            float *to = c + (int64) r * n + o;
            *to = adds ? *to + sum[y][x] : sum[y][x];
        }
    }
}

#define PRODUCT(NAME, A, B, SIDE)                                                                     \
    extern "C" __global__ void __launch_bounds__(256, SIDE == 64 ? 2 : 1) NAME##_##SIDE(              \
            float *c, const void *a, const void *b, int m, int n, int k, int adds) {                  \
        product<A, B, SIDE>(c, a, b, m, n, k, adds);                                                  \
    }

#define ROWS(V, SIDE) Rows<V, SIDE, Tile<SIDE>::DEEP>
#define BANDS(V, SIDE) Bands<SIDE, Tile<SIDE>::DEEP>
#define COLUMNS(V, SIDE) Columns<SIDE, Tile<SIDE>::DEEP>

#define PRODUCTS(NAME, A, B, V)                             \
    typedef A(F32Value, 64) NAME##A64;                      \
    typedef A(F32Value, 128) NAME##A128;                    \
    typedef B(V, 64) NAME##B64;                             \
    typedef B(V, 128) NAME##B128;                           \
    PRODUCT(NAME, NAME##A64, NAME##B64, 64)                 \
    PRODUCT(NAME, NAME##A128, NAME##B128, 128)

// y[R, out] = x[R, in] · w[out, in]ᵀ: m = R, n = out, k = in.
PRODUCTS(linear_f32, ROWS, ROWS, F32Value)
PRODUCTS(linear_bf16, ROWS, ROWS, BF16Value)
PRODUCTS(linear_f16, ROWS, ROWS, F16Value)
PRODUCTS(linear_i8, ROWS, BANDS, )
// dx[R, in] = dy[R, out] · w[out, in]: m = R, n = in, k = out.
PRODUCTS(input_gradient, ROWS, COLUMNS, )
// dw[out, in] = dyᵀ[out, R] · x[R, in]: m = out, n = in, k = R.
PRODUCTS(weight_gradient, COLUMNS, COLUMNS, )
