// Rows of a table by id, and their gradient.

// out[r, :] = table[ids[r], :]. A block a row: reads and writes every element once.
extern "C" __global__ void embed(float *out, const void *table, const int *ids, int channels, int type) {
    int64 to = (int64) blockIdx.x * channels, from = (int64) ids[blockIdx.x] * channels;
    for (int i = threadIdx.x; i < channels; i += blockDim.x) out[to + i] = stored(table, type, from + i);
}

// As embed, of an 8-bit table.
extern "C" __global__ void embed_i8(float *out, const void *table, const int *ids, int channels) {
    const signed char *row = band_row(table, ids[blockIdx.x], channels);
    const float *scales = band_scales(table, ids[blockIdx.x], channels);
    int64 to = (int64) blockIdx.x * channels;
    for (int i = threadIdx.x; i < channels; i += blockDim.x) out[to + i] = row[i] * scales[i / 32];
}

// dtable[id, :] += the rows dy of that id, in row order. A block for an id and 256 channels: its rows are
// rows[starts[b]] .. rows[starts[b + 1] - 1], ascending; ids[b] is the id. Reads dy once, each row of the table once.
extern "C" __global__ void embed_gradient(
        float *dtable, const float *dy, const int *ids, const int *starts, const int *rows, int channels) {
    int i = blockIdx.y * blockDim.x + threadIdx.x;
    if (i >= channels) return;
    int64 at = (int64) ids[blockIdx.x] * channels + i;
    float sum = dtable[at];
    for (int r = starts[blockIdx.x]; r < starts[blockIdx.x + 1]; r++) sum += dy[(int64) rows[r] * channels + i];
    dtable[at] = sum;
}
