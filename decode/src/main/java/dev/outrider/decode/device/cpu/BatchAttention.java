package dev.outrider.decode.device.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Attention of one row for each of many caches, [R, G, capacity, D]. A row is one unit of work, dealt to
 * whoever is free, since rows see contexts of different lengths; its bits depend on its own cache alone.
 */
final class BatchAttention implements Threads.Part {
    private long out, q, keys, values;
    private int[] context;
    private int capacity, heads, kvHeads, headDim;
    private float[][] scores = {};

    /** Row r becomes entry entry[r] of cache r. */
    static void append(long caches, long rows, int count, int[] entry, int capacity, int kvHeads, int headDim) {
        long width = 4L * headDim;
        for (int r = 0; r < count; r++) {
            for (int g = 0; g < kvHeads && entry[r] >= 0; g++) {
                long cache = (long) r * kvHeads + g;
                MemorySegment.copy(
                        Lanes.ALL,
                        rows + cache * width,
                        Lanes.ALL,
                        caches + (cache * capacity + entry[r]) * width,
                        width);
            }
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
        room(rows, AttentionRow.scratch(capacity));
        threads.run(rows, this);
    }

    private void room(int rows, int length) {
        if (scores.length < rows || scores[0].length < length) scores = new float[rows][length];
    }

    @Override
    public void run(int row) {
        long mixed = out + 4L * row * heads * headDim, query = q + 4L * row * heads * headDim;
        int n = context[row];
        for (int h = 0; h < heads; h++) {
            long at = 4L * h * headDim;
            long cache = 4L * headDim * capacity * ((long) row * kvHeads + h / (heads / kvHeads));
            if (n == 0) Lanes.ALL.asSlice(mixed + at, 4L * headDim).fill((byte) 0);
            else AttentionRow.attend(scores[row], mixed + at, query + at, keys + cache, values + cache, n, headDim);
        }
    }
}
