// In front of every family: stored types and sums whose order is fixed. Compiled with --fmad=false: what is fused is
// written as fmaf, so bits follow from the source and not from the compiler.

typedef long long int64;

// As Weights.code gives them.
enum Stored { F32 = 0, BF16 = 1, F16 = 2 };

__device__ __forceinline__ float of_bf16(unsigned bits) {
    return __uint_as_float(bits << 16);
}

__device__ __forceinline__ float of_f16(unsigned bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"((unsigned short) bits));
    return value;
}

// Element i of F32, BF16 or F16.
__device__ __forceinline__ float stored(const void *at, int type, int64 i) {
    if (type == F32) return ((const float *) at)[i];
    unsigned bits = ((const unsigned short *) at)[i];
    return type == BF16 ? of_bf16(bits) : of_f16(bits);
}

// 8-bit matrices: bands of 4 rows, their bytes row by row, then their scales row by row; a scale for 32 inputs.
__device__ __forceinline__ const signed char *band_row(const void *w, int64 row, int in) {
    return (const signed char *) w + (row / 4) * (4 * (int64) in + in / 2) + (row % 4) * in;
}

__device__ __forceinline__ const float *band_scales(const void *w, int64 row, int in) {
    return (const float *) ((const signed char *) w + (row / 4) * (4 * (int64) in + in / 2) + 4 * (int64) in)
            + (row % 4) * (in / 32);
}

// The same bits in every lane: lanes 16 apart first.
__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) v += __shfl_xor_sync(0xffffffffu, v, apart);
    return v;
}

__device__ __forceinline__ float warp_max(float v) {
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, apart));
    return v;
}

// Over a block of whole warps, at most 8: warps one after the other.
__device__ __forceinline__ float block_sum(float v) {
    __shared__ float warps[8];
    v = warp_sum(v);
    __syncthreads();
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = v;
    __syncthreads();
    float sum = warps[0];
    for (int w = 1; w < blockDim.x / 32; w++) sum += warps[w];
    return sum;
}
