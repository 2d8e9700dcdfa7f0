// Attention of a few new rows over caches [.., G, capacity, D] of keys and values, split over the entries as in
// Flash-Decoding (Dao et al., 2023): a block takes one chunk of entries for up to QUERIES queries of a key/value head
// and leaves, for each, its largest score, the sum of exponentials and the mixed values; then these are merged, chunk
// after chunk. Every key and value that is seen is read once for QUERIES queries; 4·(D + 2) bytes a chunk and query
// are written and read again, 1/chunk of that.
//
// Chunks begin at multiples of the chunk, which follows from D alone, so what a query becomes depends on the entries
// it sees and on nothing else.

#define QUERIES 8

// Row r of newKeys and newValues [count, G, D] to entry first + r; or to entry entries[r] of caches r, none where
// that is negative. A block for a row.
extern "C" __global__ void append(
        float *keys,
        float *values,
        const float *new_keys,
        const float *new_values,
        const int *entries,
        int first,
        int capacity,
        int kv_heads,
        int dim) {
    int row = blockIdx.x, entry = entries ? entries[row] : first + row;
    if (entry < 0) return;
    int64 cache = entries ? (int64) row * kv_heads * capacity * dim : 0, from = (int64) row * kv_heads * dim;
    for (int i = threadIdx.x; i < kv_heads * dim; i += blockDim.x) {
        int64 to = cache + ((int64) (i / dim) * capacity + entry) * dim + i % dim;
        keys[to] = new_keys[from + i];
        values[to] = new_values[from + i];
    }
}

// count entries of dim floats to rows that are dim + 1 apart; the rest of the chunk is not read.
__device__ __forceinline__ void stage(float *to, const float *from, int count, int dim, int whole) {
    if (whole) {
        for (int i = 4 * threadIdx.x; i < count * dim; i += 4 * blockDim.x) {
            float4 v = __ldg((const float4 *) (from + i));
            float *at = to + i / dim * (dim + 1) + i % dim;
            at[0] = v.x, at[1] = v.y, at[2] = v.z, at[3] = v.w;
        }
    } else {
        for (int i = threadIdx.x; i < count * dim; i += blockDim.x) to[i / dim * (dim + 1) + i % dim] = from[i];
    }
}

// Entries that query u of a cache sees. All rows share one cache (contexts is null, row r sees base + r + 1), or
// each has its own.
__device__ __forceinline__ int seen(const int *contexts, int base, int cache, int row) {
    return contexts ? contexts[cache] : base + row + 1;
}

// Four queries' numbers for one channel or entry.
__device__ __forceinline__ float4 four(const float *of, int i, int half) {
    return *(const float4 *) (of + i * QUERIES + 4 * half);
}

// partial[(row·H + h)·chunks + c] = (max, sum, mixed[D]). Grid: chunks, caches · G · tiles of queries; 128 threads.
// whole: D is a multiple of 4 and caches begin at multiples of 16 bytes. In shared memory the chunk's keys, later its
// values; queries [D, QUERIES]; scores [entries, QUERIES]. A thread goes through products for four queries at a time.
extern "C" __global__ void __launch_bounds__(128) attend_chunks(
        float *__restrict__ partial,
        const float *__restrict__ q,
        const float *__restrict__ keys,
        const float *__restrict__ values,
        const int *__restrict__ contexts,
        int base,
        int rows,
        int capacity,
        int heads,
        int kv_heads,
        int dim,
        int chunk,
        int chunks,
        float factor,
        int whole) {
    extern __shared__ __align__(16) float shared[];
    float *queries = shared, *scores = queries + QUERIES * dim, *staged = scores + QUERIES * chunk;
    int group = heads / kv_heads, all = rows * group, tiles = (all + QUERIES - 1) / QUERIES;
    int tile = blockIdx.y % tiles, g = blockIdx.y / tiles % kv_heads, cache = blockIdx.y / tiles / kv_heads;
    int first = tile * QUERIES, count = min(QUERIES, all - first), start = blockIdx.x * chunk;
    int halves = (count + 3) / 4;
    // Of these queries the last sees most.
    int entries = min(chunk, seen(contexts, base, cache, (first + count - 1) / group) - start);
    if (entries <= 0) return;
    int64 from = (((int64) cache * kv_heads + g) * capacity + start) * dim;
    stage(staged, keys + from, entries, dim, whole);
    for (int i = threadIdx.x; i < 4 * halves * dim; i += blockDim.x) {
        int k = i / dim, u = first + k;
        int64 row = (int64) cache * rows + u / group;
        queries[i % dim * QUERIES + k] = k < count ? q[(row * heads + g * group + u % group) * dim + i % dim] : 0;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < halves * entries; i += blockDim.x) {
        int e = i % entries, half = i / entries;
        const float *key = staged + e * (dim + 1);
        float4 sum = make_float4(0, 0, 0, 0);
        for (int d = 0; d < dim; d++) {
            float4 a = four(queries, d, half);
            float b = key[d];
            sum.x = fmaf(a.x, b, sum.x);
            sum.y = fmaf(a.y, b, sum.y);
            sum.z = fmaf(a.z, b, sum.z);
            sum.w = fmaf(a.w, b, sum.w);
        }
        *(float4 *) (scores + e * QUERIES + 4 * half) =
                make_float4(sum.x * factor, sum.y * factor, sum.z * factor, sum.w * factor);
    }
    __syncthreads();
    stage(staged, values + from, entries, dim, whole);
    for (int k = threadIdx.x / 32; k < count; k += blockDim.x / 32) {
        int u = first + k, lane = threadIdx.x % 32;
        int mine = min(chunk, seen(contexts, base, cache, u / group) - start);
        float most = __int_as_float(0xff800000), sum = 0;
        for (int e = lane; e < mine; e += 32) most = fmaxf(most, scores[e * QUERIES + k]);
        most = warp_max(most);
        for (int e = lane; e < mine; e += 32) {
            float weight = expf(scores[e * QUERIES + k] - most);
            scores[e * QUERIES + k] = weight;
            sum += weight;
        }
        sum = warp_sum(sum);
        int64 row = (int64) cache * rows + u / group;
        float *to = partial + ((row * heads + g * group + u % group) * chunks + blockIdx.x) * (dim + 2);
        if (lane == 0 && mine > 0) to[0] = most, to[1] = sum;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < halves * dim; i += blockDim.x) {
        int d = i % dim, half = i / dim;
        int mine[4];
        float sum[4] = {0, 0, 0, 0};
#pragma unroll
        for (int k = 0; k < 4; k++) {
            int u = first + 4 * half + k;
            mine[k] = 4 * half + k < count ? min(chunk, seen(contexts, base, cache, u / group) - start) : 0;
        }
        for (int e = 0; e < entries; e++) {
            float4 weights = four(scores, e, half);
            float value = staged[e * (dim + 1) + d];
            if (e < mine[0]) sum[0] = fmaf(weights.x, value, sum[0]);
            if (e < mine[1]) sum[1] = fmaf(weights.y, value, sum[1]);
            if (e < mine[2]) sum[2] = fmaf(weights.z, value, sum[2]);
            if (e < mine[3]) sum[3] = fmaf(weights.w, value, sum[3]);
        }
#pragma unroll
        for (int k = 0; k < 4; k++) {
            int u = first + 4 * half + k;
            if (mine[k] <= 0) continue;
            int64 row = (int64) cache * rows + u / group;
            partial[((row * heads + g * group + u % group) * chunks + blockIdx.x) * (dim + 2) + 2 + d] = sum[k];
        }
    }
}

// out[row, h, :] from the chunks that the row sees; 0 where it sees nothing. A block for a row and head.
extern "C" __global__ void attend_merge(
        float *out, const float *partial, const int *contexts, int base, int heads, int dim, int chunk, int chunks) {
    int row = blockIdx.x / heads, n = contexts ? contexts[row] : base + row + 1, count = (n + chunk - 1) / chunk;
    const float *from = partial + (int64) blockIdx.x * chunks * (dim + 2);
    float most = __int_as_float(0xff800000);
    for (int c = 0; c < count; c++) most = fmaxf(most, from[(int64) c * (dim + 2)]);
    for (int d = threadIdx.x; d < dim; d += blockDim.x) {
        float mixed = 0, sum = 0;
        for (int c = 0; c < count; c++) {
            const float *at = from + (int64) c * (dim + 2);
            float weight = expf(at[0] - most);
            sum = fmaf(weight, at[1], sum);
            mixed = fmaf(weight, at[2 + d], mixed);
        }
        out[(int64) blockIdx.x * dim + d] = n > 0 ? mixed / sum : 0;
    }
}
