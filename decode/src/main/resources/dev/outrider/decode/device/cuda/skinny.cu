// y[R, out] = x[R, in] · w[out, in]ᵀ for few rows: decoding, and the verification of a draft. All time should go into
// reading w: a warp takes OUTS outputs, 16 bytes of each in one load of a lane, for ROWS rows at once, whose x comes
// from the nearest cache, where the block's warps meet. Traffic: w once from memory (sweeps of more than ROWS rows are
// neighbours in the grid and find it in the second cache), 4·R·in bytes of x for a block's outputs from caches.
//
// The order in which a (row, output) pair is summed follows from in and the split alone, and the split from in and
// out: chunks of 8 inputs (16 of I8) are dealt to lanes in turn, a lane adds its own in order, then lanes by warp_sum,
// then the split's warps in order. So a row's bits do not depend on the rows beside it.

#define WARPS 4

// A chunk as it lies in memory, and four of its weights as floats.
struct OfF32 {
    enum { CHUNK = 8 };
    const float *row;
    float4 raw[2];

    __device__ __forceinline__ void at(const void *w, int64 o, int in) { row = (const float *) w + o * in; }

    __device__ __forceinline__ void read(int i) {
        raw[0] = __ldcs((const float4 *) (row + i));
        raw[1] = __ldcs((const float4 *) (row + i) + 1);
    }

    __device__ __forceinline__ void four(float *v, int j) const {
        float4 a = raw[j / 4];
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
    }

    __device__ __forceinline__ float one(int i) const { return row[i]; }
};

__device__ __forceinline__ void read_words(unsigned *to, const void *from) {
    uint4 a = __ldcs((const uint4 *) from);
    to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w;
}

struct OfBF16 {
    enum { CHUNK = 8 };
    const unsigned short *row;
    unsigned raw[4];

    __device__ __forceinline__ void at(const void *w, int64 o, int in) { row = (const unsigned short *) w + o * in; }

    __device__ __forceinline__ void read(int i) { read_words(raw, row + i); }

    __device__ __forceinline__ void four(float *v, int j) const {
#pragma unroll
        for (int k = 0; k < 2; k++) {
            v[2 * k] = __uint_as_float(raw[j / 2 + k] << 16);
            v[2 * k + 1] = __uint_as_float(raw[j / 2 + k] & 0xffff0000u);
        }
    }

    __device__ __forceinline__ float one(int i) const { return of_bf16(row[i]); }
};

struct OfF16 {
    enum { CHUNK = 8 };
    const unsigned short *row;
    unsigned raw[4];

    __device__ __forceinline__ void at(const void *w, int64 o, int in) { row = (const unsigned short *) w + o * in; }

    __device__ __forceinline__ void read(int i) { read_words(raw, row + i); }

    __device__ __forceinline__ void four(float *v, int j) const {
#pragma unroll
        for (int k = 0; k < 2; k++) {
            v[2 * k] = of_f16(raw[j / 2 + k] & 0xffff);
            v[2 * k + 1] = of_f16(raw[j / 2 + k] >> 16);
        }
    }

    __device__ __forceinline__ float one(int i) const { return of_f16(row[i]); }
};

struct OfI8 {
    enum { CHUNK = 16 };
    const signed char *row;
    const float *scales;
    unsigned raw[4];
    float scale;

    __device__ __forceinline__ void at(const void *w, int64 o, int in) {
        row = band_row(w, o, in);
        scales = band_scales(w, o, in);
    }

    __device__ __forceinline__ void read(int i) {
        read_words(raw, row + i);
        scale = scales[i / 32];
    }

    // A byte in the low bits of 2^23 is a float without a conversion; weight · scale is exact.
    __device__ __forceinline__ void four(float *v, int j) const {
#pragma unroll
        for (int k = 0; k < 4; k++) {
            unsigned bits = __byte_perm(raw[j / 4] ^ 0x80808080u, 0x4b000000u, 0x7440 + k);
            v[k] = (__uint_as_float(bits) - 8388736.0f) * scale;
        }
    }

    __device__ __forceinline__ float one(int i) const { return row[i] * scales[i / 32]; }
};

template <bool WHOLE>
__device__ __forceinline__ float4 four_inputs(const float *x, int i, int in) {
    if (WHOLE) return __ldg((const float4 *) (x + i));
    return make_float4(i < in ? x[i] : 0, i + 1 < in ? x[i + 1] : 0, i + 2 < in ? x[i + 2] : 0, i + 3 < in ? x[i + 3] : 0);
}

template <class W, int ROWS, int OUTS, bool WHOLE>
__device__ __forceinline__ void skinny(
        float *__restrict__ y,
        const float *__restrict__ x,
        const void *__restrict__ w,
        int rows,
        int in,
        int out,
        int split,
        int adds) {
    __shared__ float sums[WARPS][ROWS * OUTS];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, team = warp / split, part = warp % split;
    int sweeps = (rows + ROWS - 1) / ROWS, first_row = blockIdx.x % sweeps * ROWS;
    int first = (blockIdx.x / sweeps * (WARPS / split) + team) * OUTS;
    float total[ROWS][OUTS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int o = 0; o < OUTS; o++) total[r][o] = 0;
    // In place of rows and outputs beyond the last, the last is computed again, and not written.
    const float *xs = x + (int64) first_row * in;
    int last = rows - 1 - first_row;
#pragma unroll 1
    for (int i = (part * 32 + lane) * W::CHUNK; i < in; i += 32 * split * W::CHUNK) {
        W weights[OUTS];
#pragma unroll
        for (int o = 0; o < OUTS; o++) weights[o].at(w, min(first + o, out - 1), in);
#pragma unroll
        for (int o = 0; o < OUTS; o++) if (WHOLE) weights[o].read(i);
#pragma unroll
        for (int j = 0; j < W::CHUNK; j += 4) {
            float v[OUTS][4];
#pragma unroll
            for (int o = 0; o < OUTS; o++) {
                if (WHOLE) weights[o].four(v[o], j);
                else
#pragma unroll
                    for (int k = 0; k < 4; k++) v[o][k] = i + j + k < in ? weights[o].one(i + j + k) : 0;
            }
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                float4 u = four_inputs<WHOLE>(xs + min(r, last) * in, i + j, in);
#pragma unroll
                for (int o = 0; o < OUTS; o++) {
                    total[r][o] = fmaf(u.x, v[o][0], total[r][o]);
                    total[r][o] = fmaf(u.y, v[o][1], total[r][o]);
                    total[r][o] = fmaf(u.z, v[o][2], total[r][o]);
                    total[r][o] = fmaf(u.w, v[o][3], total[r][o]);
                }
            }
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
#pragma unroll
        for (int o = 0; o < OUTS; o++) {
            float sum = warp_sum(total[r][o]);
            if (lane == 0) sums[warp][r * OUTS + o] = sum;
        }
    }
    __syncthreads();
    int row = first_row + lane / OUTS, o = first + lane % OUTS;
    if (part > 0 || lane >= ROWS * OUTS || row >= rows || o >= out) return;
    float sum = sums[warp][lane];
    for (int p = 1; p < split; p++) sum += sums[warp + p][lane];
    float *to = y + (int64) row * out + o;
    *to = adds ? *to + sum : sum;
}

#define SKINNY(NAME, TYPE, ROWS, OUTS, WHOLE)                                                              \
    extern "C" __global__ void __launch_bounds__(32 * WARPS, ROWS > 4 ? 3 : 4) NAME(                                    \
            float *y, const float *x, const void *w, int rows, int in, int out, int split, int adds) {     \
        skinny<TYPE, ROWS, OUTS, WHOLE>(y, x, w, rows, in, out, split, adds);                              \
    }

// By the rows of a sweep; "any" for rows of w that are not whole chunks, or where something does not begin at a
// multiple of 16 bytes.
#define SKINNIES(NAME, TYPE, LAST)     \
    SKINNY(NAME##_1, TYPE, 1, 4, true) \
    SKINNY(NAME##_2, TYPE, 2, 4, true) \
    SKINNY(NAME##_4, TYPE, 4, 4, true) \
    SKINNY(NAME##_8, TYPE, 8, LAST, true)

SKINNIES(skinny_f32, OfF32, 4)
SKINNIES(skinny_bf16, OfBF16, 4)
SKINNIES(skinny_f16, OfF16, 4)
SKINNIES(skinny_i8, OfI8, 2)
SKINNY(skinny_f32_any, OfF32, 4, 2, false)
SKINNY(skinny_bf16_any, OfBF16, 4, 2, false)
SKINNY(skinny_f16_any, OfF16, 4, 2, false)
SKINNY(skinny_i8_any, OfI8, 4, 2, false)
