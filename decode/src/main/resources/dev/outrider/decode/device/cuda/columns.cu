// Sums over rows, for gains and biases. First slabs of SLAB rows, a block for 32 columns of one: 8 runs of rows side by
// side, added in order; then the slabs in order. Reads every element once; what is written between is 1 / SLAB of that.

#define SLAB 256

// partial[slab, c] = Σ dy[r, c]; with x: Σ (x[r, c] - mean[r])·scale[r]·dy[r, c]. Blocks of 32 x 8 threads.
extern "C" __global__ void column_slabs(
        float *partial, const float *dy, const float *x, const float *kept, int rows, int channels) {
    __shared__ float sums[8][32];
    int c = blockIdx.x * 32 + threadIdx.x % 32, run = threadIdx.x / 32, end = min(rows, (int) (blockIdx.y + 1) * SLAB);
    float sum = 0;
    if (c < channels) {
        for (int r = blockIdx.y * SLAB + run; r < end; r += 8) {
            int64 at = (int64) r * channels + c;
            if (x) sum = fmaf((x[at] - kept[2 * r]) * kept[2 * r + 1], dy[at], sum);
            else sum += dy[at];
        }
    }
    sums[run][threadIdx.x % 32] = sum;
    __syncthreads();
    if (run > 0 || c >= channels) return;
    for (int i = 1; i < 8; i++) sum += sums[i][threadIdx.x];
    partial[(int64) blockIdx.y * channels + c] = sum;
}

// sums[c] += Σ over slabs.
extern "C" __global__ void add_slabs(float *sums, const float *partial, int slabs, int channels) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= channels) return;
    float sum = 0;
    for (int s = 0; s < slabs; s++) sum += partial[(int64) s * channels + c];
    sums[c] += sum;
}
