package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;

/**
 * Attention of a few new rows over a cache: out = softmax(q·Kᵀ / √D) · V for every head, K and V being the
 * entries the row may see. Query head h reads key/value head h·G/H; how a cache lies, {@link KeyBlocks} says.
 *
 * <p>A row's bits do not depend on the rows beside it, nor on the threads (see {@link QueryGroup}).
 */
public final class CachedAttention implements Threads.Part {
    /** Parts of a thread. */
    private static final int DEALT = 6;

    private static final ThreadLocal<CachedAttention> CALLER = ThreadLocal.withInitial(CachedAttention::new);

    private long out, q, keys, values;
    private int rows, context, capacity, heads, kvHeads, headDim, parts;
    private QueryGroup[] groups = {};

    private CachedAttention() {}

    /** Writes rows of keys and values [count, G·D] into the caches at entries first .. first + count - 1. */
    static void append(
            long keys,
            long values,
            long newKeys,
            long newValues,
            int count,
            int first,
            int capacity,
            int kvHeads,
            int headDim) {
        long width = 4L * headDim;
        for (int r = 0; r < count; r++) {
            for (int g = 0; g < kvHeads; g++) {
                long from = ((long) r * kvHeads + g) * width, head = g * capacity * width;
                KeyBlocks.put(keys + head, first + r, newKeys + from, headDim);
                KeyBlocks.putValue(values + head, first + r, newValues + from, headDim);
            }
        }
    }

    /**
     * Row r sees the first {@code context - rows + r + 1} entries.
     *
     * @param out F32 [rows, heads·headDim]
     * @param q F32 [rows, heads·headDim], rotated
     * @param keys F32, kvHeads·capacity·headDim elements
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
        // Of many rows some see far more than others: then parts are dealt to whoever is free.
        int parts = rows > Device.INVARIANT_ROWS ? DEALT * threads.count() : threads.count();
        job.split(work < SkinnyProduct.ALONE ? 1 : Math.min(parts, rows * heads));
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
        groups = QueryGroup.enough(groups, parts, capacity);
    }

    /** Queries of one part, those of a key/value head one after the other. */
    @Override
    public void run(int part) {
        int each = rows * (heads / kvHeads), all = each * kvHeads;
        int from = (int) ((long) all * part / parts), to = (int) ((long) all * (part + 1) / parts);
        for (int unit = from; unit < to; unit++) {
            add(groups[part], unit / each, unit % each);
            boolean last = unit + 1 == to || (unit + 1) % each == 0;
            if (last || groups[part].full()) attend(groups[part], unit / each);
        }
    }

    private void add(QueryGroup group, int kvHead, int index) {
        int together = heads / kvHeads, row = index / together;
        long at = 4L * headDim * ((long) row * heads + kvHead * together + index % together);
        group.add(out + at, q + at, context - rows + row + 1);
    }

    private void attend(QueryGroup group, int kvHead) {
        long cache = 4L * headDim * capacity * kvHead;
        group.attend(keys + cache, values + cache, headDim);
    }
}
