// y[R, out] = x[R, in] · w[out, in]ᵀ for few rows: decoding, and the verification of a draft. All time should go into
// reading w: a warp takes OUTS outputs and ROWS rows at once, and has 16 bytes of each output (8 of I8) on their way in every lane.
// Traffic: w once from memory (sweeps of more than ROWS rows are neighbours in the grid and find it in the second
// cache); x, 4·R·in bytes for a block's outputs, from the nearest cache, where the block's warps meet.
//
// Lanes take four inputs each, in turn: then a warp reads neighbouring 16 bytes of x, without which the nearest cache
// would be the limit from 4 rows on. Four weights narrower than floats are less than 16 bytes: DEPTH loads of them go
// side by side.
//
// The order in which a (row, output) pair is summed follows from in and the split alone, and the split from in and
// out: fours of inputs are dealt to the lanes of the split's warps, a lane adds its own in order, then lanes by
// warp_sum, then the split's warps in order. So a row's bits do not depend on the rows beside it, and the type of w
// counts by its values only.

#define WARPS 4

// Four weights as they lie in memory, and as floats.
struct OfF32 {
    enum { DEPTH = 1 };
    const float *row;

    __device__ __forceinline__ void at(const void *w, int64 o, int in) { row = (const float *) w + o * in; }

    struct Four {
        float4 raw;

        __device__ __forceinline__ void read(const OfF32 &w, int i) { raw = __ldcs((const float4 *) (w.row + i)); }

        __device__ __forceinline__ float4 values() const { return raw; }
    };

    __device__ __forceinline__ float one(int i) const { return row[i]; }
};

struct OfBF16 {
    enum { DEPTH = 2 };
    const unsigned short *row;

    __device__ __forceinline__ void at(const void *w, int64 o, int in) { row = (const unsigned short *) w + o * in; }

    struct Four {
        uint2 raw;

        __device__ __forceinline__ void read(const OfBF16 &w, int i) { raw = __ldcs((const uint2 *) (w.row + i)); }

        __device__ __forceinline__ float4 values() const {
            return make_float4(
                    __uint_as_float(raw.x << 16),
                    __uint_as_float(raw.x & 0xffff0000u),
                    __uint_as_float(raw.y << 16),
                    __uint_as_float(raw.y & 0xffff0000u));
        }
    };

    __device__ __forceinline__ float one(int i) const { return of_bf16(row[i]); }
};

struct OfF16 {
    enum { DEPTH = 2 };
    const unsigned short *row;

    __device__ __forceinline__ void at(const void *w, int64 o, int in) { row = (const unsigned short *) w + o * in; }

    struct Four {
        uint2 raw;

        __device__ __forceinline__ void read(const OfF16 &w, int i) { raw = __ldcs((const uint2 *) (w.row + i)); }

        __device__ __forceinline__ float4 values() const {
            return make_float4(of_f16(raw.x & 0xffff), of_f16(raw.x >> 16), of_f16(raw.y & 0xffff), of_f16(raw.y >> 16));
        }
    };

    __device__ __forceinline__ float one(int i) const { return of_f16(row[i]); }
};

struct OfI8 {
    enum { DEPTH = 2 };
    const signed char *row;
    const float *scales;

    __device__ __forceinline__ void at(const void *w, int64 o, int in) {
        row = band_row(w, o, in);
        scales = band_scales(w, o, in);
    }

    struct Four {
        unsigned raw;
        float scale;

        __device__ __forceinline__ void read(const OfI8 &w, int i) {
            raw = __ldcs((const unsigned *) (w.row + i)) ^ 0x80808080u;
            scale = __ldg(w.scales + i / 32);
        }

        // A byte in the low bits of 2^23 is a float without a conversion; weight · scale is exact.
        __device__ __forceinline__ float value(unsigned which) const {
            return (__uint_as_float(__byte_perm(raw, 0x4b000000u, 0x7440 + which)) - 8388736.0f) * scale;
        }

        __device__ __forceinline__ float4 values() const {
            return make_float4(value(0), value(1), value(2), value(3));
        }
    };

    __device__ __forceinline__ float one(int i) const { return row[i] * scales[i / 32]; }
};

template <bool WHOLE>
__device__ __forceinline__ float4 four_inputs(const float *x, int i, int in) {
    if (WHOLE) return __ldg((const float4 *) (x + i));
    return make_float4(x[i], i + 1 < in ? x[i + 1] : 0, i + 2 < in ? x[i + 2] : 0, i + 3 < in ? x[i + 3] : 0);
}

// Adds the products of four inputs from i on; last is the last row.
template <int ROWS, int OUTS, bool WHOLE>
__device__ __forceinline__ void add_four(
        float (&total)[ROWS][OUTS], const float4 (&v)[OUTS], const float *x, int i, int in, int last) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        float4 u = four_inputs<WHOLE>(x + min(r, last) * in, i, in);
#pragma unroll
        for (int o = 0; o < OUTS; o++) {
            float sum = fmaf(u.x, v[o].x, total[r][o]);
            sum = fmaf(u.y, v[o].y, sum);
            sum = fmaf(u.z, v[o].z, sum);
            total[r][o] = fmaf(u.w, v[o].w, sum);
        }
    }
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
    // In place of rows and outputs beyond the last, the last is computed again, and not written.
    const float *xs = x + (int64) first_row * in;
    int last = rows - 1 - first_row, i = (part * 32 + lane) * 4, step = 128 * split;
    float total[ROWS][OUTS];
    W weights[OUTS];
#pragma unroll
    for (int o = 0; o < OUTS; o++) {
        weights[o].at(w, min(first + o, out - 1), in);
#pragma unroll
        for (int r = 0; r < ROWS; r++) total[r][o] = 0;
    }
    if (WHOLE) {
#pragma unroll 1
        for (; i + (W::DEPTH - 1) * step < in; i += W::DEPTH * step) {
            typename W::Four raw[W::DEPTH][OUTS];
#pragma unroll
            for (int d = 0; d < W::DEPTH; d++)
#pragma unroll
                for (int o = 0; o < OUTS; o++) raw[d][o].read(weights[o], i + d * step);
#pragma unroll
            for (int d = 0; d < W::DEPTH; d++) {
                float4 v[OUTS];
#pragma unroll
                for (int o = 0; o < OUTS; o++) v[o] = raw[d][o].values();
                add_four<ROWS, OUTS, true>(total, v, xs, i + d * step, in, last);
            }
        }
    }
#pragma unroll 1
    for (; i < in; i += step) {
        float4 v[OUTS];
#pragma unroll
        for (int o = 0; o < OUTS; o++) {
            if (WHOLE) {
                typename W::Four raw;
                raw.read(weights[o], i);
                v[o] = raw.values();
            } else {
                v[o].x = weights[o].one(i);
                v[o].y = i + 1 < in ? weights[o].one(i + 1) : 0;
                v[o].z = i + 2 < in ? weights[o].one(i + 2) : 0;
                v[o].w = i + 3 < in ? weights[o].one(i + 3) : 0;
            }
        }
        add_four<ROWS, OUTS, WHOLE>(total, v, xs, i, in, last);
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
    if (part > 0) return;
    for (int k = lane; k < ROWS * OUTS; k += 32) {
        int row = first_row + k / OUTS, o = first + k % OUTS;
        if (row >= rows || o >= out) continue;
        float sum = sums[warp][k];
        for (int p = 1; p < split; p++) sum += sums[warp + p][k];
        float *to = y + (int64) row * out + o;
        *to = adds ? *to + sum : sum;
    }
}

#define SKINNY(NAME, TYPE, ROWS, OUTS, WHOLE)                                                              \
    extern "C" __global__ void __launch_bounds__(32 * WARPS, ROWS > 4 ? 3 : 4) NAME(                                    \
            float *y, const float *x, const void *w, int rows, int in, int out, int split, int adds) {     \
        skinny<TYPE, ROWS, OUTS, WHOLE>(y, x, w, rows, in, out, split, adds);                              \
    }

// By the rows of a sweep; "any" for rows of w that are not whole fours, or where something does not begin at a multiple
// of 16 bytes.
#define SKINNIES(NAME, TYPE)           \
    SKINNY(NAME##_1, TYPE, 1, 4, true) \
    SKINNY(NAME##_2, TYPE, 2, 4, true) \
    SKINNY(NAME##_4, TYPE, 4, 4, true) \
    SKINNY(NAME##_8, TYPE, 8, 4, true) \
    SKINNY(NAME##_any, TYPE, 4, 2, false)

SKINNIES(skinny_f32, OfF32)
SKINNIES(skinny_bf16, OfBF16)
SKINNIES(skinny_f16, OfF16)
SKINNIES(skinny_i8, OfI8)
