// Self-attention of training, forward and backward, without a T x T matrix (FlashAttention-2: Dao, 2307.08691). qkv
// rows are [H·D | G·D | G·D]; a block takes a tile of SIDE tokens as queries (or as keys) and goes through the others,
// tile by tile, in shared memory. 128 threads, thread (y, x) of 8 x 16: rows y, y + 8, .. of its tile and columns x,
// x + 16, .. of a product. D is filled up to DIM with zeros.
//
// Traffic: of a head's keys and values T / SIDE times their size, from the second cache where they fit. No result is
// added to by two blocks, so every run gives the same bits.

struct Shape {
    int time, heads, kv_heads, dim, causal;

    __device__ __forceinline__ int stride() const { return (heads + 2 * kv_heads) * dim; }
    __device__ __forceinline__ int group() const { return heads / kv_heads; }

    // Element 0 of token t of a sequence in slot "of" of qkv: query heads, key heads, value heads.
    __device__ __forceinline__ int64 at(int b, int t, int of) const {
        return ((int64) b * time + t) * stride() + of * dim;
    }

    // As at, in rows of [H·D].
    __device__ __forceinline__ int64 out(int b, int t, int h) const {
        return (((int64) b * time + t) * heads + h) * dim;
    }
};

// Floats from a row of weights to the next, such that the two rows of a warp do not meet in a bank.
__device__ constexpr int apart(int side) {
    return side == 32 ? 48 : 16;
}

// SIDE rows of D floats, "stride" apart, rows from "valid" on and columns from D on as zeros.
template <int DIM, int SIDE>
__device__ __forceinline__ void stage(float (*to)[DIM + 4], const float *from, int64 stride, int valid, int dim) {
    for (int i = threadIdx.x; i < SIDE * DIM; i += 128) {
        int r = i / DIM, d = i % DIM;
        to[r][d] = r < valid && d < dim ? from[r * stride + d] : 0;
    }
}

// product[i][j] = a[y + 8 i] · b[x + 16 j]
template <int DIM, int SIDE>
__device__ __forceinline__ void rows_by_rows(
        float (&product)[SIDE / 8][SIDE / 16], float (*a)[DIM + 4], float (*b)[DIM + 4], int y, int x) {
#pragma unroll
    for (int i = 0; i < SIDE / 8; i++)
#pragma unroll
        for (int j = 0; j < SIDE / 16; j++) product[i][j] = 0;
#pragma unroll 2
    for (int d = 0; d < DIM; d += 4) {
        float4 u[SIDE / 8], v[SIDE / 16];
#pragma unroll
        for (int i = 0; i < SIDE / 8; i++) u[i] = *(const float4 *) &a[y + 8 * i][d];
#pragma unroll
        for (int j = 0; j < SIDE / 16; j++) v[j] = *(const float4 *) &b[x + 16 * j][d];
#pragma unroll
        for (int i = 0; i < SIDE / 8; i++) {
#pragma unroll
            for (int j = 0; j < SIDE / 16; j++) {
                float sum = fmaf(u[i].x, v[j].x, product[i][j]);
                sum = fmaf(u[i].y, v[j].y, sum);
                sum = fmaf(u[i].z, v[j].z, sum);
                product[i][j] = fmaf(u[i].w, v[j].w, sum);
            }
        }
    }
}

// sum[i][j] += Σ_s weights[y + 8 i][s] · b[s][x + 16 j]
template <int DIM, int SIDE>
__device__ __forceinline__ void mix(
        float (&sum)[SIDE / 8][DIM / 16], float (*weights)[apart(SIDE)], float (*b)[DIM + 4], int y, int x) {
#pragma unroll 2
    for (int s = 0; s < SIDE; s++) {
        float v[DIM / 16];
#pragma unroll
        for (int j = 0; j < DIM / 16; j++) v[j] = b[s][x + 16 * j];
#pragma unroll
        for (int i = 0; i < SIDE / 8; i++) {
            float u = weights[y + 8 * i][s];
#pragma unroll
            for (int j = 0; j < DIM / 16; j++) sum[i][j] = fmaf(u, v[j], sum[i][j]);
        }
    }
}

template <int N, int M>
__device__ __forceinline__ void clear(float (&sum)[N][M]) {
#pragma unroll
    for (int i = 0; i < N; i++)
#pragma unroll
        for (int j = 0; j < M; j++) sum[i][j] = 0;
}

// Rows y + 8 i below "valid", columns x + 16 j below D.
template <int DIM, int SIDE>
__device__ __forceinline__ void write(
        float *to, int64 stride, const float (&sum)[SIDE / 8][DIM / 16], int valid, int dim, int y, int x) {
#pragma unroll
    for (int i = 0; i < SIDE / 8; i++) {
#pragma unroll
        for (int j = 0; j < DIM / 16; j++) {
            if (y + 8 * i < valid && x + 16 * j < dim) to[(y + 8 * i) * stride + x + 16 * j] = sum[i][j];
        }
    }
}

// Over the 16 threads of a row, which are half a warp.
__device__ __forceinline__ float row_max(float v) {
#pragma unroll
    for (int apart = 8; apart > 0; apart /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, apart));
    return v;
}

__device__ __forceinline__ float row_sum(float v) {
#pragma unroll
    for (int apart = 8; apart > 0; apart /= 2) v += __shfl_xor_sync(0xffffffffu, v, apart);
    return v;
}

// Block (tile of queries, head of a sequence). log_sum [B, H, T] is the log of each row's softmax denominator.
template <int DIM, int SIDE>
__device__ __forceinline__ void forward(
        float *__restrict__ out, float *__restrict__ log_sum, const float *__restrict__ qkv, Shape s, float factor) {
    extern __shared__ __align__(16) float shared[];
    float (*q)[DIM + 4] = (float (*)[DIM + 4]) shared, (*kv)[DIM + 4] = q + SIDE;
    float (*weights)[apart(SIDE)] = (float (*)[apart(SIDE)]) (kv + SIDE);
    int first = blockIdx.x * SIDE, b = blockIdx.y / s.heads, h = blockIdx.y % s.heads, key = s.heads + h / s.group();
    int valid = min(SIDE, s.time - first), y = threadIdx.x / 16, x = threadIdx.x % 16;
    float sum[SIDE / 8][DIM / 16], most[SIDE / 8], total[SIDE / 8];
    clear(sum);
#pragma unroll
    for (int i = 0; i < SIDE / 8; i++) most[i] = __int_as_float(0xff800000), total[i] = 0;
    stage<DIM, SIDE>(q, qkv + s.at(b, first, h), s.stride(), valid, s.dim);
    int end = s.causal ? first + valid : s.time;
    for (int from = 0; from < end; from += SIDE) {
        __syncthreads();
        stage<DIM, SIDE>(kv, qkv + s.at(b, from, key), s.stride(), min(SIDE, s.time - from), s.dim);
        __syncthreads();
        float score[SIDE / 8][SIDE / 16];
        rows_by_rows<DIM, SIDE>(score, q, kv, y, x);
#pragma unroll
        for (int i = 0; i < SIDE / 8; i++) {
            int seen = s.causal ? first + y + 8 * i + 1 : s.time;
            float largest = most[i], added = 0;
#pragma unroll
            for (int j = 0; j < SIDE / 16; j++) {
                score[i][j] = from + x + 16 * j < seen ? score[i][j] * factor : __int_as_float(0xff800000);
                largest = fmaxf(largest, score[i][j]);
            }
            largest = row_max(largest);
            // Every row sees the first key, so from the first tile on the largest is finite.
            float shrink = expf(most[i] - largest);
#pragma unroll
            for (int j = 0; j < SIDE / 16; j++) {
                float weight = expf(score[i][j] - largest);
                weights[y + 8 * i][x + 16 * j] = weight;
                added += weight;
            }
            total[i] = fmaf(total[i], shrink, row_sum(added));
            most[i] = largest;
#pragma unroll
            for (int j = 0; j < DIM / 16; j++) sum[i][j] *= shrink;
        }
        __syncthreads();
        stage<DIM, SIDE>(kv, qkv + s.at(b, from, key + s.kv_heads), s.stride(), min(SIDE, s.time - from), s.dim);
        __syncthreads();
        mix<DIM, SIDE>(sum, weights, kv, y, x);
    }
#pragma unroll
    for (int i = 0; i < SIDE / 8; i++) {
#pragma unroll
        for (int j = 0; j < DIM / 16; j++) sum[i][j] /= total[i];
        if (x == 0 && y + 8 * i < valid) {
            log_sum[(int64) blockIdx.y * s.time + first + y + 8 * i] = most[i] + logf(total[i]);
        }
    }
    write<DIM, SIDE>(out + s.out(b, first, h), (int64) s.heads * s.dim, sum, valid, s.dim, y, x);
}

// inner[B, H, T] = Σ_d dout · out of each row and head; a warp for one. Reads both once.
extern "C" __global__ void attention_inner(
        float *inner, const float *dout, const float *out, int time, int heads, int dim, int64 count) {
    int64 u = ((int64) blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (u >= count) return;
    int64 at = ((u / ((int64) heads * time) * time + u % time) * heads + u / time % heads) * dim;
    float sum = 0;
    for (int d = threadIdx.x % 32; d < dim; d += 32) sum = fmaf(dout[at + d], out[at + d], sum);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) inner[u] = sum;
}

// Block (tile of queries, head of a sequence): dq = Σ over keys of ds · k, ds = p·(dout · v - inner)·factor.
template <int DIM, int SIDE>
__device__ __forceinline__ void query_gradient(
        float *__restrict__ dqkv,
        const float *__restrict__ dout,
        const float *__restrict__ log_sum,
        const float *__restrict__ inner,
        const float *__restrict__ qkv,
        Shape s,
        float factor) {
    extern __shared__ __align__(16) float shared[];
    float (*q)[DIM + 4] = (float (*)[DIM + 4]) shared, (*d)[DIM + 4] = q + SIDE, (*kv)[DIM + 4] = d + SIDE;
    float (*slopes)[apart(SIDE)] = (float (*)[apart(SIDE)]) (kv + SIDE);
    int first = blockIdx.x * SIDE, b = blockIdx.y / s.heads, h = blockIdx.y % s.heads, key = s.heads + h / s.group();
    int valid = min(SIDE, s.time - first), y = threadIdx.x / 16, x = threadIdx.x % 16;
    float sum[SIDE / 8][DIM / 16];
    clear(sum);
    stage<DIM, SIDE>(q, qkv + s.at(b, first, h), s.stride(), valid, s.dim);
    stage<DIM, SIDE>(d, dout + s.out(b, first, h), (int64) s.heads * s.dim, valid, s.dim);
    int end = s.causal ? first + valid : s.time;
    for (int from = 0; from < end; from += SIDE) {
        int here = min(SIDE, s.time - from);
        float slope[SIDE / 8][SIDE / 16], score[SIDE / 8][SIDE / 16];
        __syncthreads();
        stage<DIM, SIDE>(kv, qkv + s.at(b, from, key + s.kv_heads), s.stride(), here, s.dim);
        __syncthreads();
        rows_by_rows<DIM, SIDE>(slope, d, kv, y, x);
        __syncthreads();
        stage<DIM, SIDE>(kv, qkv + s.at(b, from, key), s.stride(), here, s.dim);
        __syncthreads();
        rows_by_rows<DIM, SIDE>(score, q, kv, y, x);
#pragma unroll
        for (int i = 0; i < SIDE / 8; i++) {
            int row = first + min(y + 8 * i, valid - 1), seen = s.causal ? row + 1 : s.time;
            float log = log_sum[(int64) blockIdx.y * s.time + row], mean = inner[(int64) blockIdx.y * s.time + row];
#pragma unroll
            for (int j = 0; j < SIDE / 16; j++) {
                bool sees = from + x + 16 * j < seen;
                float p = sees ? expf(fmaf(score[i][j], factor, -log)) : 0;
                slopes[y + 8 * i][x + 16 * j] = p * (slope[i][j] - mean) * factor;
            }
        }
        __syncthreads();
        mix<DIM, SIDE>(sum, slopes, kv, y, x);
    }
    write<DIM, SIDE>(dqkv + s.at(b, first, h), s.stride(), sum, valid, s.dim, y, x);
}

// Block (tile of keys, key/value head of a sequence): dk = Σ dsᵀ · q and dv = Σ pᵀ · dout over the head's queries.
template <int DIM, int SIDE>
__device__ __forceinline__ void key_gradient(
        float *__restrict__ dqkv,
        const float *__restrict__ dout,
        const float *__restrict__ log_sum,
        const float *__restrict__ inner,
        const float *__restrict__ qkv,
        Shape s,
        float factor) {
    extern __shared__ __align__(16) float shared[];
    float (*k)[DIM + 4] = (float (*)[DIM + 4]) shared, (*v)[DIM + 4] = k + SIDE, (*other)[DIM + 4] = v + SIDE;
    float (*weights)[apart(SIDE)] = (float (*)[apart(SIDE)]) (other + SIDE);
    int first = blockIdx.x * SIDE, b = blockIdx.y / s.kv_heads, g = blockIdx.y % s.kv_heads;
    int valid = min(SIDE, s.time - first), y = threadIdx.x / 16, x = threadIdx.x % 16;
    float dk[SIDE / 8][DIM / 16], dv[SIDE / 8][DIM / 16];
    clear(dk);
    clear(dv);
    stage<DIM, SIDE>(k, qkv + s.at(b, first, s.heads + g), s.stride(), valid, s.dim);
    stage<DIM, SIDE>(v, qkv + s.at(b, first, s.heads + s.kv_heads + g), s.stride(), valid, s.dim);
    for (int h = g * s.group(); h < (g + 1) * s.group(); h++) {
        int64 logs = ((int64) b * s.heads + h) * s.time;
        for (int from = s.causal ? first : 0; from < s.time; from += SIDE) {
            int here = min(SIDE, s.time - from);
            float slope[SIDE / 8][SIDE / 16], score[SIDE / 8][SIDE / 16];
            __syncthreads();
            stage<DIM, SIDE>(other, qkv + s.at(b, from, h), s.stride(), here, s.dim);
            __syncthreads();
            rows_by_rows<DIM, SIDE>(score, k, other, y, x);
#pragma unroll
            for (int j = 0; j < SIDE / 16; j++) {
                int query = from + min(x + 16 * j, here - 1);
                float log = log_sum[logs + query];
#pragma unroll
                for (int i = 0; i < SIDE / 8; i++) {
                    bool sees = x + 16 * j < here && (!s.causal || first + y + 8 * i <= query);
                    score[i][j] = sees ? expf(fmaf(score[i][j], factor, -log)) : 0;
                    weights[y + 8 * i][x + 16 * j] = score[i][j];
                }
            }
            __syncthreads();
            stage<DIM, SIDE>(other, dout + s.out(b, from, h), (int64) s.heads * s.dim, here, s.dim);
            __syncthreads();
            mix<DIM, SIDE>(dv, weights, other, y, x);
            rows_by_rows<DIM, SIDE>(slope, v, other, y, x);
            __syncthreads();
            stage<DIM, SIDE>(other, qkv + s.at(b, from, h), s.stride(), here, s.dim);
#pragma unroll
            for (int j = 0; j < SIDE / 16; j++) {
                float mean = inner[logs + from + min(x + 16 * j, here - 1)];
#pragma unroll
                for (int i = 0; i < SIDE / 8; i++) {
                    weights[y + 8 * i][x + 16 * j] = score[i][j] * (slope[i][j] - mean) * factor;
                }
            }
            __syncthreads();
            mix<DIM, SIDE>(dk, weights, other, y, x);
        }
    }
    write<DIM, SIDE>(dqkv + s.at(b, first, s.heads + g), s.stride(), dk, valid, s.dim, y, x);
    write<DIM, SIDE>(dqkv + s.at(b, first, s.heads + s.kv_heads + g), s.stride(), dv, valid, s.dim, y, x);
}

#define ATTENTION(DIM, SIDE)                                                                                       \
    extern "C" __global__ void __launch_bounds__(128, 3) attention_##DIM(                                             \
            float *out, float *log_sum, const float *qkv, int time, int heads, int kv_heads, int dim, int causal,  \
            float factor) {                                                                                        \
        forward<DIM, SIDE>(out, log_sum, qkv, Shape{time, heads, kv_heads, dim, causal}, factor);                  \
    }                                                                                                              \
    extern "C" __global__ void __launch_bounds__(128, 3) attention_queries_##DIM(                                     \
            float *dqkv, const float *dout, const float *log_sum, const float *inner, const float *qkv, int time,  \
            int heads, int kv_heads, int dim, int causal, float factor) {                                          \
        query_gradient<DIM, SIDE>(                                                                                 \
                dqkv, dout, log_sum, inner, qkv, Shape{time, heads, kv_heads, dim, causal}, factor);               \
    }                                                                                                              \
    extern "C" __global__ void __launch_bounds__(128, 3) attention_keys_##DIM(                                        \
            float *dqkv, const float *dout, const float *log_sum, const float *inner, const float *qkv, int time,  \
            int heads, int kv_heads, int dim, int causal, float factor) {                                          \
        key_gradient<DIM, SIDE>(                                                                                   \
                dqkv, dout, log_sum, inner, qkv, Shape{time, heads, kv_heads, dim, causal}, factor);               \
    }

// By the largest D; the tile of tokens such that three of them and their weights are below 64 KiB.
ATTENTION(32, 32)
ATTENTION(64, 32)
ATTENTION(128, 32)
ATTENTION(256, 16)
