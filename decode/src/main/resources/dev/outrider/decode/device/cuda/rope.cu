// Rotary positions (Su et al., 2104.09864), pairs half a head apart: (a, b) becomes (a·cos - b·sin, b·cos + a·sin).
// A thread a pair, all heads of a row in a block: x is read and written once, the table's row once a block.

// Row r lies at position each[r], or first + r % period where each is null. sign is -1 to rotate back.
extern "C" __global__ void rope(
        float *x,
        int stride,
        int heads,
        int half,
        const float *table,
        int positions,
        const int *each,
        int first,
        int period,
        float sign) {
    int row = blockIdx.x, position = each ? each[row] : first + row % period;
    const float *cos = table + (int64) half * position, *sin = cos + (int64) half * positions;
    for (int p = threadIdx.x; p < heads * half; p += blockDim.x) {
        int i = p % half;
        float *a = x + (int64) row * stride + p / half * 2 * half + i, *b = a + half;
        float c = cos[i], s = sin[i] * sign, u = *a, v = *b;
        *a = u * c - v * s;
        *b = v * c + u * s;
    }
}
