package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;

/** Launches of attention: over caches, in chunks of entries that are merged, and of training. Addresses are checked. */
final class Attention {
    private static final int QUERIES = 8, CHUNK_THREADS = 128, LONGEST = 64;
    /** Shared memory that every card has for a block. */
    private static final int SHARED = 48 << 10;
    /** Floats of partial results at a time, about: more rows are taken one part after the other. */
    private static final long PARTIAL = 16 << 20;
    /** Most blocks along the second dimension of a grid. */
    private static final int TALLEST = 65_535;

    /** Kernels of training by the largest head, and their tiles of tokens. */
    private static final int[] DIMS = {32, 64, 128, 256}, SIDES = {32, 32, 32, 16};

    private static final int THREADS = 128, WARP = 32;

    private final Scratch scratch;
    private final Kernels.Kernel append, chunks, merge, inner;
    private final Kernels.Kernel[] forward = new Kernels.Kernel[DIMS.length], queries = forward.clone();
    private final Kernels.Kernel[] keys = forward.clone();

    Attention(Kernels kernels, Scratch scratch) {
        this.scratch = scratch;
        append = kernels.kernel("attention", "append");
        chunks = kernels.kernel("attention", "attend_chunks");
        merge = kernels.kernel("attention", "attend_merge");
        inner = kernels.kernel("self_attention", "attention_inner");
        for (int i = 0; i < DIMS.length; i++) {
            forward[i] = kernels.kernel("self_attention", "attention_" + DIMS[i]);
            queries[i] = kernels.kernel("self_attention", "attention_queries_" + DIMS[i]);
            keys[i] = kernels.kernel("self_attention", "attention_keys_" + DIMS[i]);
        }
    }

    /** @param entries on the card, one for a cache of each row; 0 for one cache, from entry {@code first} on */
    void append(
            long keys,
            long values,
            long newKeys,
            long newValues,
            int count,
            long entries,
            int first,
            int capacity,
            int kvHeads,
            int headDim) {
        if (count == 0) return;
        append.launch(count, 1, 256, 0, keys, values, newKeys, newValues, entries, first, capacity, kvHeads, headDim);
    }

    /** Heads, and where caches are. */
    record Caches(long keys, long values, int capacity, int heads, int kvHeads, int headDim) {
        /** Whether entries can be read 16 bytes at a time. */
        int whole() {
            return headDim % 4 == 0 && (keys | values) % 16 == 0 ? 1 : 0;
        }

        Caches from(long elements) {
            return new Caches(keys + 4 * elements, values + 4 * elements, capacity, heads, kvHeads, headDim);
        }
    }

    /** Row r of one cache sees base + r + 1 entries. */
    void attend(long out, long q, Caches caches, int rows, int base) {
        long row = 4L * caches.heads * caches.headDim;
        int chunk = chunk(caches.headDim);
        for (int done = 0; done < rows; ) {
            int most = part(caches, chunks(base + rows, chunk)), count = Math.min(most, rows - done);
            run(out + done * row, q + done * row, caches, 0, base + done, 1, count, chunks(base + done + count, chunk));
            done += count;
        }
    }

    /**
     * A row of each cache.
     *
     * @param contexts entries that each sees, on the card
     * @param longest of them
     */
    void attendEach(long out, long q, Caches caches, int rows, long contexts, int longest) {
        long row = 4L * caches.heads * caches.headDim, cache = (long) caches.kvHeads * caches.capacity * caches.headDim;
        int chunks = Math.max(1, chunks(longest, chunk(caches.headDim)));
        for (int done = 0; done < rows; ) {
            int count = Math.min(part(caches, chunks), rows - done);
            Caches these = caches.from(done * cache);
            run(out + done * row, q + done * row, these, contexts + 4L * done, 0, count, 1, chunks);
            done += count;
        }
    }

    // Rows whose partial results and blocks are not too many.
    private static int part(Caches caches, int chunks) {
        long row = (long) caches.heads * chunks * (caches.headDim + 2);
        return (int) Math.max(1, Math.min(PARTIAL / row, TALLEST / caches.heads));
    }

    private void run(long out, long q, Caches c, long contexts, int base, int caches, int rows, int chunks) {
        int chunk = chunk(c.headDim), group = c.heads / c.kvHeads, tiles = (rows * group + QUERIES - 1) / QUERIES;
        long partial = scratch.floats((long) caches * rows * c.heads * chunks * (c.headDim + 2));
        float factor = (float) (1 / Math.sqrt(c.headDim));
        this.chunks.launch(
                chunks,
                caches * c.kvHeads * tiles,
                CHUNK_THREADS,
                shared(chunk, c.headDim),
                partial,
                q,
                c.keys,
                c.values,
                contexts,
                base,
                rows,
                c.capacity,
                c.heads,
                c.kvHeads,
                c.headDim,
                chunk,
                chunks,
                factor,
                c.whole());
        int threads = Math.min(256, (c.headDim + 31) / 32 * 32);
        merge.launch(
                caches * rows * c.heads,
                1,
                threads,
                0,
                out,
                partial,
                contexts,
                base,
                c.heads,
                c.headDim,
                chunk,
                chunks);
    }

    private static int chunks(int entries, int chunk) {
        return (entries + chunk - 1) / chunk;
    }

    /** Entries of a chunk: as many as fit in a block's memory. */
    static int chunk(int headDim) {
        int chunk = LONGEST;
        while (chunk > 1 && shared(chunk, headDim) > SHARED) chunk /= 2;
        return chunk;
    }

    private static int shared(int chunk, int headDim) {
        return 4 * (chunk * (headDim + 1) + QUERIES * headDim + QUERIES * chunk);
    }

    /** Shape of self-attention. */
    record Shape(int batch, int time, int heads, int kvHeads, int headDim, boolean causal) {
        long rows() {
            return (long) batch * heads * time;
        }
    }

    void forward(long out, long logSum, long qkv, Shape s) {
        if (s.rows() == 0) return;
        int which = which(s.headDim), side = SIDES[which];
        forward[which].launch(
                (s.time + side - 1) / side,
                s.batch * s.heads,
                THREADS,
                tiles(2, which),
                out,
                logSum,
                qkv,
                s.time,
                s.heads,
                s.kvHeads,
                s.headDim,
                s.causal ? 1 : 0,
                factor(s));
    }

    void gradient(long dqkv, long dout, long out, long logSum, long qkv, Shape s) {
        if (s.rows() == 0) return;
        int which = which(s.headDim), causal = s.causal ? 1 : 0, tiles = (s.time + SIDES[which] - 1) / SIDES[which];
        long means = scratch.floats(s.rows());
        inner.over(WARP * s.rows(), THREADS, means, dout, out, s.time, s.heads, s.headDim, s.rows());
        int shared = tiles(3, which);
        launch(queries[which], tiles, s.batch * s.heads, shared, dqkv, dout, logSum, means, qkv, s, causal);
        launch(keys[which], tiles, s.batch * s.kvHeads, shared, dqkv, dout, logSum, means, qkv, s, causal);
    }

    private static void launch(
            Kernels.Kernel kernel,
            int tiles,
            int heads,
            int shared,
            long dqkv,
            long dout,
            long logSum,
            long means,
            long qkv,
            Shape s,
            int causal) {
        kernel.launch(
                tiles, heads, THREADS, shared, dqkv, dout, logSum, means, qkv, s.time, s.heads, s.kvHeads, s.headDim,
                causal, factor(s));
    }

    private static float factor(Shape s) {
        return (float) (1 / Math.sqrt(s.headDim));
    }

    // So many tiles of tokens, and their weights.
    private static int tiles(int tiles, int which) {
        int side = SIDES[which], apart = side == 32 ? 48 : 16;
        return 4 * (tiles * side * (DIMS[which] + 4) + side * apart);
    }

    private static int which(int headDim) {
        for (int i = 0; i < DIMS.length; i++) if (headDim <= DIMS[i]) return i;
        throw Failure.usage(
                "attention on a GPU",
                "heads of " + headDim + " channels",
                "at most " + DIMS[DIMS.length - 1],
                "Train a model with smaller heads, or on the cpu.");
    }
}
