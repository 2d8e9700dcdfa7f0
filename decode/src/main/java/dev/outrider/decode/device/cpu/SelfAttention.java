package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.ZERO;
import static dev.outrider.decode.device.cpu.Lanes.first;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.set;
import static dev.outrider.decode.device.cpu.Lanes.store;
import static dev.outrider.decode.device.cpu.Lanes.sum;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Self-attention of whole sequences, causal or over all of a sequence, forward and backward, straight in the fused qkv
 * buffer: blocks of {@link #BLOCK} query rows against the prefix of keys that some of them see, products by OpenBLAS with
 * the row of qkv as leading dimension. (batch, head) pairs are dealt to the threads one by one.
 *
 * <p>Forward keeps L = log Σ exp of every row, so that backward makes the probabilities anew (as in
 * FlashAttention, 2205.14135): P = exp(S - L), D = rowsum(dO∘O), dS = P∘(dO·Vᵀ - D), dQ = dS·K, dK = dSᵀ·Q,
 * dV = Pᵀ·dO. The query heads that share a key/value head follow one another in one thread and add up there.
 */
final class SelfAttention {
    /** Query rows that are handled together. */
    static final int BLOCK = 128;

    private static final float HIDDEN = -1e30f;

    private final int batch, time, heads, kvHeads, headDim, stride, padded;
    private final float scale;
    private final boolean causal;
    private final AtomicInteger next = new AtomicInteger();

    SelfAttention(int batch, int time, int heads, int kvHeads, int headDim, boolean causal) {
        this.causal = causal;
        this.batch = batch;
        this.time = time;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        stride = (heads + 2 * kvHeads) * headDim;
        padded = whole(time + LANES - 1);
        scale = (float) (1 / Math.sqrt(headDim));
    }

    boolean is(int batch, int time, int heads, int kvHeads, int headDim, boolean causal) {
        return batch == this.batch
                && time == this.time
                && heads == this.heads
                && kvHeads == this.kvHeads
                && headDim == this.headDim
                && causal == this.causal;
    }

    // Keys that row t sees.
    private int visible(int t) {
        return causal ? t + 1 : time;
    }

    // Keys that some of a block's rows see.
    private int seen(int first, int rows) {
        return visible(first + rows - 1);
    }

    private long width() {
        return (long) heads * headDim;
    }

    void forward(Threads threads, Scratch[] scratch, long out, long logSum, long qkv) {
        next.set(0);
        Loading.of(OpenBlas::oneThread);
        threads.run(Math.min(threads.count(), batch * heads), part -> {
            long scores = scratch[part].floats((long) BLOCK * padded + BLOCK);
            for (int u = next.getAndIncrement(); u < batch * heads; u = next.getAndIncrement()) {
                head(u / heads, u % heads, scores, out, logSum, qkv);
            }
        });
    }

    private void head(int b, int h, long scores, long out, long logSum, long qkv) {
        long q = query(qkv, b, h), k = key(qkv, b, h), v = value(qkv, b, h);
        long o = out + 4 * (b * time * width() + (long) h * headDim);
        long logs = logSum + 4L * ((long) b * heads + h) * time;
        for (int first = 0; first < time; first += BLOCK) {
            block(first, Math.min(BLOCK, time - first), scores, o, logs, q, k, v);
        }
    }

    private void block(int first, int rows, long scores, long out, long logs, long q, long k, long v) {
        long inverses = scores + 4L * BLOCK * padded, o = out + 4 * first * width();
        int seen = seen(first, rows);
        scores(scores, q + 4L * first * stride, k, rows, seen);
        for (int r = 0; r < rows; r++) {
            long row = scores + 4L * r * padded;
            int visible = visible(first + r);
            float max = maxRow(row, visible), sum = exponentialRow(row, max, visible);
            zeroRow(row, visible, seen);
            set(logs + 4L * (first + r), max + (float) Math.log(sum));
            set(inverses + 4L * r, 1 / sum);
        }
        OpenBlas.sgemm(false, false, rows, headDim, seen, 1, scores, padded, v, stride, 0, o, (int) width());
        for (int r = 0; r < rows; r++) Elementwise.scale(o + 4 * r * width(), get(inverses + 4L * r), headDim);
    }

    void gradient(Threads threads, Scratch[] scratch, long dqkv, long dout, long out, long logSum, long qkv) {
        next.set(0);
        Loading.of(OpenBlas::oneThread);
        threads.run(Math.min(threads.count(), batch * kvHeads), part -> {
            long room = scratch[part].floats(2L * BLOCK * padded + time);
            for (int u = next.getAndIncrement(); u < batch * kvHeads; u = next.getAndIncrement()) {
                group(u / kvHeads, u % kvHeads, room, dqkv, dout, out, logSum, qkv);
            }
        });
    }

    private void group(int b, int g, long room, long dqkv, long dout, long out, long logSum, long qkv) {
        int shared = heads / kvHeads;
        for (int h = g * shared; h < (g + 1) * shared; h++) {
            long at = 4 * (b * time * width() + (long) h * headDim);
            long logs = logSum + 4L * ((long) b * heads + h) * time;
            headGradient(b, h, h > g * shared, room, dqkv, dout + at, out + at, logs, qkv);
        }
    }

    // From the last block down: the first to be made covers all keys, so it may overwrite.
    private void headGradient(
            int b, int h, boolean adds, long room, long dqkv, long dout, long out, long logs, long qkv) {
        int last = (time - 1) / BLOCK * BLOCK;
        inner(room + 8L * BLOCK * padded, dout, out);
        for (int first = last; first >= 0; first -= BLOCK) {
            int rows = Math.min(BLOCK, time - first);
            blockGradient(b, h, first, rows, adds || first < last ? 1 : 0, room, dqkv, dout, logs, qkv);
        }
    }

    private void blockGradient(
            int b, int h, int first, int rows, float beta, long room, long dqkv, long dout, long logs, long qkv) {
        long p = room, ds = room + 4L * BLOCK * padded, inner = ds + 4L * BLOCK * padded, rowsAt = 4L * first * stride;
        long q = query(qkv, b, h) + rowsAt, k = key(qkv, b, h), v = value(qkv, b, h);
        long d = dout + 4 * first * width();
        int seen = seen(first, rows), wide = (int) width();
        scores(p, q, k, rows, seen);
        OpenBlas.sgemm(false, true, rows, seen, headDim, 1, d, wide, v, stride, 0, ds, padded);
        probabilities(p, ds, inner + 4L * first, logs + 4L * first, first, rows);
        OpenBlas.sgemm(
                false, false, rows, headDim, seen, 1, ds, padded, k, stride, 0, query(dqkv, b, h) + rowsAt, stride);
        OpenBlas.sgemm(true, false, seen, headDim, rows, 1, ds, padded, q, stride, beta, key(dqkv, b, h), stride);
        OpenBlas.sgemm(true, false, seen, headDim, rows, 1, p, padded, d, wide, beta, value(dqkv, b, h), stride);
    }

    // D: for every row of a head, dO·O.
    private void inner(long inner, long dout, long out) {
        for (int r = 0; r < time; r++) {
            long at = 4 * r * width();
            set(inner + 4L * r, productRow(dout + at, out + at, headDim));
        }
    }

    // scores become P, ds (which holds dO·Vᵀ) becomes the gradient of the unscaled scores.
    private void probabilities(long p, long ds, long inner, long logs, int first, int rows) {
        for (int r = 0; r < rows; r++) {
            long at = 4L * r * padded;
            int visible = visible(first + r);
            gradientRow(p + at, ds + at, get(logs + 4L * r), get(inner + 4L * r), scale, visible);
            zeroRow(p + at, visible, seen(first, rows));
            zeroRow(ds + at, visible, seen(first, rows));
        }
    }

    private void scores(long scores, long q, long k, int rows, int seen) {
        OpenBlas.sgemm(false, true, rows, seen, headDim, scale, q, stride, k, stride, 0, scores, padded);
    }

    private long query(long qkv, int b, int h) {
        return qkv + 4 * ((long) b * time * stride + (long) h * headDim);
    }

    private long key(long qkv, int b, int h) {
        return query(qkv, b, heads + h / (heads / kvHeads));
    }

    private long value(long qkv, int b, int h) {
        return query(qkv, b, heads + kvHeads + h / (heads / kvHeads));
    }

    // Row kernels take whole vectors; what lies past visible in the last one becomes zero with the others.
    private static void zeroRow(long row, int visible, int seen) {
        for (int i = whole(visible + LANES - 1); i < seen; i += LANES) {
            store(ZERO, row + 4L * i);
        }
    }

    private static float maxRow(long row, int visible) {
        FloatVector max = FloatVector.broadcast(FLOATS, HIDDEN);
        for (int i = 0; i < visible; i += LANES) max = max.max(first(visible - i, load(row + 4L * i), HIDDEN));
        return max.reduceLanes(VectorOperators.MAX);
    }

    private static float exponentialRow(long row, float max, int visible) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < visible; i += LANES) {
            FloatVector e = first(visible - i, Lanes.exp(load(row + 4L * i).sub(max)), 0);
            store(e, row + 4L * i);
            sum = sum.add(e);
        }
        return sum(sum);
    }

    private static float productRow(long a, long b, int n) {
        FloatVector lanes = FloatVector.zero(FLOATS);
        int whole = whole(n);
        for (int i = 0; i < whole; i += LANES) lanes = load(a + 4L * i).fma(load(b + 4L * i), lanes);
        return whole == n ? sum(lanes) : rest(a, b, whole, n, sum(lanes));
    }

    private static float rest(long a, long b, int from, int to, float sum) {
        for (int i = from; i < to; i++) sum = Math.fma(get(a + 4L * i), get(b + 4L * i), sum);
        return sum;
    }

    private static void gradientRow(long p, long ds, float log, float inner, float scale, int visible) {
        for (int i = 0; i < visible; i += LANES) {
            FloatVector e = first(visible - i, Lanes.exp(load(p + 4L * i).sub(log)), 0);
            store(e, p + 4L * i);
            store(first(visible - i, load(ds + 4L * i).sub(inner).mul(e).mul(scale), 0), ds + 4L * i);
        }
    }
}
