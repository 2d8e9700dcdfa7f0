// RMSNorm (Zhang and Sennrich, 1910.07467) and LayerNorm (Ba et al., 1607.06450), a block a row. Forward reads x from
// memory once (again from the nearest cache) and writes y. Gradients keep a row's mean and scale for the column sums.

__device__ __forceinline__ float mean_of(const float *x, int n) {
    float sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum += x[i];
    return block_sum(sum) / n;
}

// 1 / sqrt(mean((x - mean)^2) + eps)
__device__ __forceinline__ float scale_of(const float *x, float mean, int n, float eps) {
    float sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum = fmaf(x[i] - mean, x[i] - mean, sum);
    return 1.0f / sqrtf(block_sum(sum) / n + eps);
}

// y and x may be the same: a thread writes what it alone reads, after the sum.
extern "C" __global__ void rms_norm(
        float *y, const float *x, const void *gain, int gain_type, int channels, float eps) {
    int64 at = (int64) blockIdx.x * channels;
    float scale = scale_of(x + at, 0, channels, eps);
    for (int i = threadIdx.x; i < channels; i += blockDim.x) y[at + i] = x[at + i] * scale * stored(gain, gain_type, i);
}

extern "C" __global__ void layer_norm(
        float *y, const float *x, const float *gain, const float *bias, int channels, float eps) {
    int64 at = (int64) blockIdx.x * channels;
    float mean = mean_of(x + at, channels), scale = scale_of(x + at, mean, channels, eps);
    for (int i = threadIdx.x; i < channels; i += blockDim.x) {
        y[at + i] = fmaf((x[at + i] - mean) * scale, gain[i], bias[i]);
    }
}

// dx += s·gain·dy - x·s³/n · Σ gain·dy·x; kept[r] = (0, s). Reads dx, dy and x, writes dx.
extern "C" __global__ void rms_norm_gradient(
        float *dx, float *kept, const float *dy, const float *x, const float *gain, int channels, float eps) {
    int64 at = (int64) blockIdx.x * channels;
    float scale = scale_of(x + at, 0, channels, eps), sum = 0;
    for (int i = threadIdx.x; i < channels; i += blockDim.x) sum = fmaf(dy[at + i] * gain[i], x[at + i], sum);
    float pull = -block_sum(sum) / channels * scale * scale * scale;
    for (int i = threadIdx.x; i < channels; i += blockDim.x) {
        dx[at + i] += fmaf(x[at + i], pull, dy[at + i] * gain[i] * scale);
    }
    if (threadIdx.x == 0) {
        kept[2 * blockIdx.x] = 0;
        kept[2 * blockIdx.x + 1] = scale;
    }
}

// g = gain·dy, x̂ = (x - μ)·s: dx += s·(g - Σg/n - x̂·Σ(g·x̂)/n); kept[r] = (μ, s).
extern "C" __global__ void layer_norm_gradient(
        float *dx, float *kept, const float *dy, const float *x, const float *gain, int channels, float eps) {
    int64 at = (int64) blockIdx.x * channels;
    float mean = mean_of(x + at, channels), scale = scale_of(x + at, mean, channels, eps), sum = 0, inner = 0;
    for (int i = threadIdx.x; i < channels; i += blockDim.x) {
        float g = dy[at + i] * gain[i];
        sum += g;
        inner = fmaf(g, (x[at + i] - mean) * scale, inner);
    }
    float shift = block_sum(sum) / channels, pull = block_sum(inner) / channels;
    for (int i = threadIdx.x; i < channels; i += blockDim.x) {
        float pushed = dy[at + i] * gain[i] - shift;
        dx[at + i] = fmaf(scale, fmaf(-(x[at + i] - mean) * scale, pull, pushed), dx[at + i]);
    }
    if (threadIdx.x == 0) {
        kept[2 * blockIdx.x] = mean;
        kept[2 * blockIdx.x + 1] = scale;
    }
}
