// The optimiser's step and the norm of gradients.

// Over a block of 256 threads, in double: warps one after the other.
__device__ __forceinline__ double block_sum(double v) {
    __shared__ double warps[8];
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) v += __shfl_xor_sync(0xffffffffu, v, apart);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = v;
    __syncthreads();
    double sum = warps[0];
    for (int w = 1; w < 8; w++) sum += warps[w];
    return sum;
}

// partial[b] = Σ x² over chunk b of 16,384 elements, in double. 4 bytes read for an element.
extern "C" __global__ void squares(double *partial, const float *x, int64 n) {
    int64 first = (int64) blockIdx.x * 16384, end = min(n, first + 16384);
    double sum = 0;
    for (int64 i = first + threadIdx.x; i < end; i += 256) sum = fma((double) x[i], (double) x[i], sum);
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// One block: sum[0] = Σ partial.
extern "C" __global__ void add_partials(double *sum, const double *partial, int count) {
    double mine = 0;
    for (int i = threadIdx.x; i < count; i += 256) mine += partial[i];
    mine = block_sum(mine);
    if (threadIdx.x == 0) *sum = mine;
}

// AdamW (Loshchilov and Hutter, 1711.05101), the constants as dev.outrider.decode.device.AdamWStep has them; keep is
// 1 - rate·decay, first 1 - β1, second β2, rest 1 - β2, rate negative. 16 bytes read, 12 written for an element.
extern "C" __global__ void adam_w(
        float *p,
        const float *g,
        float *m,
        float *v,
        int64 n,
        float keep,
        float first,
        float second,
        float rest,
        float rate,
        float root,
        float eps,
        float scale) {
    int64 i = (int64) blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float gradient = g[i] * scale, mean = fmaf(gradient - m[i], first, m[i]);
    float square = v[i] * second + gradient * rest * gradient;
    m[i] = mean;
    v[i] = square;
    p[i] = p[i] * keep + mean * rate / (sqrtf(square) / root + eps);
}
