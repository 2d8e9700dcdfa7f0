package dev.outrider.decode.device.cpu;

/**
 * Attention of one row for each of many caches, [R, G, capacity, D]. A row is one unit of work, dealt to
 * whoever is free, since rows see contexts of different lengths; its bits depend on its own cache alone.
 */
final class BatchAttention implements Threads.Part {
    private long out, q, keys, values;
    private int[] context;
    private int capacity, heads, kvHeads, headDim;
    private QueryGroup[] groups = {};

    /** Row r of the new keys and values becomes entry[r] of cache r; none if negative. */
    static void append(
            long keys,
            long values,
            long newKeys,
            long newValues,
            int count,
            int[] entry,
            int capacity,
            int kvHeads,
            int headDim) {
        long row = 4L * kvHeads * headDim;
        for (int r = 0; r < count; r++) {
            if (entry[r] < 0) continue;
            long at = r * row, cache = at * capacity;
            CachedAttention.append(
                    keys + cache,
                    values + cache,
                    newKeys + at,
                    newValues + at,
                    1,
                    entry[r],
                    capacity,
                    kvHeads,
                    headDim);
        }
    }

    void memory(long out, long q, long keys, long values) {
        this.out = out;
        this.q = q;
        this.keys = keys;
        this.values = values;
    }

    /** Arguments as in Device.attendEach. */
    void attend(Threads threads, int rows, int[] context, int capacity, int heads, int kvHeads, int headDim) {
        this.context = context;
        this.capacity = capacity;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        groups = QueryGroup.enough(groups, rows, capacity);
        threads.run(rows, this);
    }

    @Override
    public void run(int row) {
        long first = 4L * row * heads * headDim, cache = 4L * row * kvHeads * capacity * headDim;
        if (context[row] == 0)
            Lanes.ALL.asSlice(out + first, 4L * heads * headDim).fill((byte) 0);
        else
            for (int g = 0; g < kvHeads; g++)
                head(groups[row], g, context[row], first, cache + 4L * g * capacity * headDim);
    }

    private void head(QueryGroup group, int kvHead, int n, long first, long cache) {
        int together = heads / kvHeads;
        for (int h = 0; h < together; h++) {
            long at = first + 4L * (kvHead * together + h) * headDim;
            group.add(out + at, q + at, n);
            if (h + 1 == together || group.full()) group.attend(keys + cache, values + cache, headDim);
        }
    }
}
