package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * Attention of a few new rows over a cache: out = softmax(q·Kᵀ / √D) · V for every head, K and V being the
 * entries the row may see. Cache: [G, capacity, D]; query head h reads key/value head h·G/H.
 *
 * <p>One (row, head) pair is one unit of work, summed in an order that depends on its number of entries
 * alone: a row's bits do not depend on the rows beside it, nor on the threads.
 */
public final class CachedAttention implements Threads.Part {
    private static final ThreadLocal<CachedAttention> CALLER = ThreadLocal.withInitial(CachedAttention::new);

    private long out, q, keys, values;
    private int rows, context, capacity, heads, kvHeads, headDim, parts;
    private float[][] scores = {};

    private CachedAttention() {}

    /** Writes rows [count, G·D] into the cache at entries first .. first + count - 1. */
    public static void append(Buffer cache, Buffer rows, int count, int first, int capacity, int kvHeads, int headDim) {
        long width = 4L * headDim;
        for (int r = 0; r < count; r++) {
            for (int g = 0; g < kvHeads; g++) {
                long from = rows.address() + ((long) r * kvHeads + g) * width;
                long to = cache.address() + ((long) g * capacity + first + r) * width;
                MemorySegment.copy(Lanes.ALL, from, Lanes.ALL, to, width);
            }
        }
    }

    /**
     * Row r sees the first {@code context - rows + r + 1} entries.
     *
     * @param out F32 [rows, heads·headDim]
     * @param q F32 [rows, heads·headDim], rotated
     * @param keys F32 [kvHeads, capacity, headDim]
     * @param values as keys
     */
    public static void attend(
            Threads threads,
            Buffer out,
            Buffer q,
            Buffer keys,
            Buffer values,
            int rows,
            int context,
            int capacity,
            int heads,
            int kvHeads,
            int headDim) {
        CachedAttention job = CALLER.get();
        job.memory(out, q, keys, values);
        job.shape(rows, context, capacity, heads, kvHeads, headDim);
        long work = 2L * rows * context * heads * headDim;
        job.split(work < SkinnyProduct.ALONE ? 1 : Math.min(threads.count(), rows * heads));
        if (job.parts == 1) job.run(0);
        else threads.run(job.parts, job);
    }

    private void memory(Buffer out, Buffer q, Buffer keys, Buffer values) {
        this.out = out.address();
        this.q = q.address();
        this.keys = keys.address();
        this.values = values.address();
    }

    private void shape(int rows, int context, int capacity, int heads, int kvHeads, int headDim) {
        this.rows = rows;
        this.context = context;
        this.capacity = capacity;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
    }

    private void split(int parts) {
        this.parts = parts;
        int length = AttentionRow.scratch(capacity);
        if (scores.length < parts || scores[0].length < length) {
            scores = new float[Math.max(parts, scores.length)][length];
        }
    }

    /** Units of one part, head by head, so that a head's keys and values stay near. */
    @Override
    public void run(int part) {
        long units = (long) rows * heads;
        int from = (int) (units * part / parts), to = (int) (units * (part + 1) / parts);
        for (int unit = from; unit < to; unit++) unit(scores[part], unit / rows, unit % rows);
    }

    private void unit(float[] scores, int head, int row) {
        long at = 4L * headDim * ((long) row * heads + head);
        long cache = 4L * headDim * capacity * (head / (heads / kvHeads));
        AttentionRow.attend(scores, out + at, q + at, keys + cache, values + cache, context - rows + row + 1, headDim);
    }
}
