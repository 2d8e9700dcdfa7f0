package dev.outrider.decode.device;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.Tensor;
import java.util.List;

/**
 * What a LLaMA needs of a machine, forward and backward. Matrices are row-major; weights are
 * [out, in] as Hugging Face stores them, unless {@link #hold(Tensor, DType)} arranged them (see {@link Layout}).
 * Activations, gradients and accumulation are F32; weights given to {@link #embed}, {@link #linear} and the gains of {@link #rmsNorm} may be F32, BF16 or F16, matrices also I8
 * (8 bits and a scale for each {@link Buffer#GROUP} inputs), whose values are widened to F32 exactly. A product with a matrix
 * that {@link #hold(Tensor, DType)} arranged may take x in the matrix's type as well: rounded to BF16, or for I8 each {@link
 * Buffer#GROUP} values of a row as bytes under one scale. Sums are F32 all the same.
 *
 * <p>Reduction order: the result for a row never depends on how many rows are computed with it, as long
 * as there are at most {@link #INVARIANT_ROWS}; this makes greedy speculative decoding bit-identical to
 * autoregressive decoding. One thread calls a device at a time; the device spreads the work. Only
 * {@link #download} may be called by several.
 *
 * <p>Shapes: R rows (tokens), C channels, H query heads, G key/value heads, D channels per head.
 */
public interface Device extends AutoCloseable {
    /** Up to so many rows, {@link #linear} and {@link #attend} reduce each row as if it were alone. */
    int INVARIANT_ROWS = 32;

    /**
     * In products of a multiple of so many rows, a row's bits depend neither on that multiple, nor on the row's
     * place or the other rows. (Other numbers of rows have edges, which may be summed otherwise.) Devices of
     * {@link Precision#BF16} promise it for as many rows as fall under {@link #INVARIANT_ROWS} alone.
     */
    int ROW_BLOCK = 64;

    /** Caches of keys and values have room for a multiple of so many entries. */
    int CACHE_BLOCK = 32;

    /** Capacity of a cache that is to hold so many entries. */
    static int cacheCapacity(int entries) {
        return (entries + CACHE_BLOCK - 1) / CACHE_BLOCK * CACHE_BLOCK;
    }

    /** For logs and reports: kind, threads, vector width. */
    String name();

    // ---- memory -------------------------------------------------------------------------------

    /** Zeroed memory, freed with {@link #free} or when the device is closed. */
    Buffer allocate(DType type, long elements);

    void free(Buffer buffer);

    /**
     * Weights where the device can read them: on the cpu the mapped memory itself for F32, BF16 and F16 (it
     * must stay mapped), a converted copy for other types; elsewhere a copy in device memory.
     */
    Buffer hold(Tensor tensor);

    /**
     * As {@link #hold(Tensor)}, in a type of choice: F32, BF16 (rounded to nearest even), or I8 for matrices
     * whose rows are whole groups. The device may arrange matrices as its kernels like them best
     * (see {@link Layout}), which takes a copy also of one that is stored in that type; what is no matrix lies in rows.
     *
     * @throws dev.outrider.checkpoints.Failure (data) when a value is not finite, or too large for I8's scales
     */
    Buffer hold(Tensor tensor, DType as);

    void upload(float[] from, int offset, Buffer to, int count);

    void download(Buffer from, float[] to, int offset, int count);

    void copy(Buffer from, Buffer to, long elements);

    void zero(Buffer x, long elements);

    // ---- forward ------------------------------------------------------------------------------

    /** out[r, :] = table[ids[offset + r], :]. */
    void embed(Buffer out, Buffer table, int[] ids, int offset, int rows, int channels);

    /** y = x / sqrt(mean(x²) + eps) * gain, row by row. x and y may be the same. */
    void rmsNorm(Buffer y, Buffer x, Buffer gain, int rows, int channels, float eps);

    /** y[R, out] = x[R, in] · wᵀ + beta · y; beta is 0 or 1. y is not read when beta is 0. */
    void linear(Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta);

    /** As {@link #linear} of each matrix [out, in], all with the same rows of x: y[i] = x · w[i]ᵀ. */
    default void linearEach(List<Buffer> y, Buffer x, List<Buffer> w, int rows, int in) {
        for (int i = 0; i < w.size(); i++) {
            linear(y.get(i), x, w.get(i), rows, in, Math.toIntExact(w.get(i).elements() / in), 0);
        }
    }

    /** y[r, :] += bias, for every row. */
    void addBias(Buffer y, Buffer bias, int rows, int channels);

    /** y += x, the first {@code elements} of both. */
    void add(Buffer y, Buffer x, long elements);

    /** y *= factor. */
    void scale(Buffer y, float factor, long elements);

    /**
     * Dropout (Srivastava et al., JMLR 15, 2014) in place: about {@code share} of the elements, which is rounded to a
     * 65,536th, become 0 and the others are divided by 1 - share. Which ones follows from the seed and their places
     * alone, on every device and with any number of threads: a gradient is let through where its value was.
     *
     * @param share in [0, 1)
     */
    void dropout(Buffer x, long elements, double share, long seed);

    /**
     * Rotates pairs (i, i + D/2) of each of {@code heads} heads in place by the angle of the row's
     * position, position(r) = first + r % period (period = T for [B, T] rows). table holds cos and sin:
     * [positions, D/2] of cos, then as many of sin, {@code positions} rows each.
     *
     * @param stride elements from a row of x to the next
     * @param inverse rotates back: the gradient
     */
    void rope(
            Buffer x,
            int rows,
            int stride,
            int heads,
            int headDim,
            Buffer table,
            int positions,
            int first,
            int period,
            boolean inverse);

    /**
     * Attention of R new rows over caches that already hold them: row r sees the first
     * {@code context - R + r + 1} entries. q and out are [R, H·D].
     *
     * <p>Caches of keys and of values, F32 [G, capacity, D], capacity a multiple of {@link #CACHE_BLOCK}, lie within
     * a head as the device likes it, but whole blocks of entries one after the other: the first n blocks of a head are
     * its first n·CACHE_BLOCK·D elements.
     */
    void attend(
            Buffer out,
            Buffer q,
            Buffer keys,
            Buffer values,
            int rows,
            int context,
            int capacity,
            int heads,
            int kvHeads,
            int headDim);

    /** Writes rows of keys and values, {@code count} of G·D each, into the caches at entries first .. first+count-1. */
    void append(
            Buffer keys,
            Buffer values,
            Buffer newKeys,
            Buffer newValues,
            int count,
            int first,
            int capacity,
            int kvHeads,
            int headDim);

    // ---- many sequences, a row of each: as the operations above, one sequence after the other ---------

    /** {@link #rope} of rows [R, heads·D] that lie at positions of their own. */
    default void ropeEach(Buffer x, int rows, int heads, int headDim, Buffer table, int positions, int[] position) {
        int width = heads * headDim;
        for (int r = 0; r < rows; r++) {
            Buffer row = x.slice((long) r * width, width);
            rope(row, 1, width, heads, headDim, table, positions, position[r], 1, false);
        }
    }

    /**
     * Row r of new keys and values [R, G·D] becomes entry {@code entry[r]} of caches r of [R, G, capacity, D]; none if
     * negative.
     */
    default void appendEach(
            Buffer keys,
            Buffer values,
            Buffer newKeys,
            Buffer newValues,
            int count,
            int[] entry,
            int capacity,
            int kvHeads,
            int headDim) {
        long width = (long) kvHeads * headDim, cache = capacity * width;
        for (int r = 0; r < count; r++) {
            if (entry[r] < 0) continue;
            Buffer k = keys.slice(r * cache, cache), v = values.slice(r * cache, cache);
            Buffer newK = newKeys.slice(r * width, width), newV = newValues.slice(r * width, width);
            append(k, v, newK, newV, 1, entry[r], capacity, kvHeads, headDim);
        }
    }

    /**
     * Row r of q [R, H·D] attends to the first {@code context[r]} entries of cache r of [R, G, capacity, D];
     * where there are 0, out is 0. What a row becomes does not depend on the others.
     */
    default void attendEach(
            Buffer out,
            Buffer q,
            Buffer keys,
            Buffer values,
            int rows,
            int[] context,
            int capacity,
            int heads,
            int kvHeads,
            int headDim) {
        long width = (long) heads * headDim, cache = (long) kvHeads * capacity * headDim;
        for (int r = 0; r < rows; r++) {
            Buffer mixed = out.slice(r * width, width), query = q.slice(r * width, width);
            Buffer k = keys.slice(r * cache, cache), v = values.slice(r * cache, cache);
            if (context[r] == 0) zero(mixed, width);
            else attend(mixed, query, k, v, 1, context[r], capacity, heads, kvHeads, headDim);
        }
    }

    /** y = (x - mean(x)) / sqrt(var(x) + eps) * gain + bias, row by row. y and x may be the same; gain and bias are F32. */
    void layerNorm(Buffer y, Buffer x, Buffer gain, Buffer bias, int rows, int channels, float eps);

    /** y = gelu(x), in one of its forms. y and x may be the same. */
    void gelu(Gelu form, Buffer y, Buffer x, long elements);

    /** y[R, I] = silu(gate) * up. */
    void swiglu(Buffer y, Buffer gate, Buffer up, int rows, int stride, int width);

    // ---- training -----------------------------------------------------------------------------

    /** dx[R, in] = dy[R, out] · w + beta · dx. */
    void linearInputGradient(Buffer dx, Buffer dy, Buffer w, int rows, int in, int out, float beta);

    /** dw[out, in] = dyᵀ · x + beta · dw. */
    void linearWeightGradient(Buffer dw, Buffer dy, Buffer x, int rows, int in, int out, float beta);

    /** bias gradient: db[c] += sum over rows of dy[r, c]. */
    void addBiasGradient(Buffer db, Buffer dy, int rows, int channels);

    /** dx += gradient through {@link #rmsNorm}; dgain += its gradient. dy may not alias dx. */
    void rmsNormGradient(Buffer dx, Buffer dgain, Buffer dy, Buffer x, Buffer gain, int rows, int channels, float eps);

    /** dx += gradient through {@link #layerNorm}; dgain and dbias += theirs. dy may not alias dx. */
    void layerNormGradient(
            Buffer dx, Buffer dgain, Buffer dbias, Buffer dy, Buffer x, Buffer gain, int rows, int channels, float eps);

    /** dx = dy · gelu'(x). dx and dy may be the same. */
    void geluGradient(Gelu form, Buffer dx, Buffer dy, Buffer x, long elements);

    /**
     * Self-attention of B sequences of T tokens, causal or over the whole sequence. qkv rows are [H·D | G·D | G·D] with stride
     * (H + 2G)·D, already rotated; out is [B·T, H·D]; logSum is [B, H, T], the log of each row's softmax
     * denominator, kept for the gradient.
     */
    void selfAttention(
            Buffer out,
            Buffer logSum,
            Buffer qkv,
            int batch,
            int time,
            int heads,
            int kvHeads,
            int headDim,
            boolean causal);

    /** Gradient of {@link #selfAttention}: writes all of dqkv (laid out as qkv). */
    void selfAttentionGradient(
            Buffer dqkv,
            Buffer dout,
            Buffer out,
            Buffer logSum,
            Buffer qkv,
            int batch,
            int time,
            int heads,
            int kvHeads,
            int headDim,
            boolean causal);

    /** Writes dgate and dup (rows {@code stride} apart, as gate and up) from dy [R, width]. */
    void swigluGradient(Buffer dgate, Buffer dup, Buffer dy, Buffer gate, Buffer up, int rows, int stride, int width);

    /** dtable[ids[offset + r], :] += dy[r, :]; equal ids add in row order. */
    void embedGradient(Buffer dtable, Buffer dy, int[] ids, int offset, int rows, int channels);

    /** Sum of squares, in double, independent of the number of threads. */
    double sumOfSquares(Buffer x, long elements);

    /**
     * One AdamW update (Loshchilov and Hutter, 1711.05101) as PyTorch does it: p *= 1 - rate·decay;
     * m, v moments of g·gradientScale; p -= rate/(1-β1^t) · m / (sqrt(v)/sqrt(1-β2^t) + eps).
     *
     * @param step t, from 1
     */
    void adamW(
            Buffer p,
            Buffer g,
            Buffer m,
            Buffer v,
            long elements,
            double rate,
            double beta1,
            double beta2,
            double eps,
            double decay,
            double gradientScale,
            long step);

    @Override
    void close();
}
