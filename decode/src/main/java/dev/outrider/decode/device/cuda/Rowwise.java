package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Gelu;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.DropoutShare;
import dev.outrider.decode.device.Layout;

/** Launches of what works row by row or element by element. Addresses are checked. */
final class Rowwise {
    /** Of a block. */
    static final int THREADS = 256;

    /** Elements of a thread. */
    static final int EACH = 4;

    /** Rows of biases that go side by side, at most. */
    private static final int RUNS = 1024;

    private final Kernels.Kernel embed, embedBands, rmsNorm, layerNorm, rope;
    private final Kernels.Kernel add, scale, narrow, addBias, dropout, gelu, swiglu;

    Rowwise(Kernels kernels) {
        embed = kernels.kernel("embedding", "embed");
        embedBands = kernels.kernel("embedding", "embed_i8");
        rmsNorm = kernels.kernel("norms", "rms_norm");
        layerNorm = kernels.kernel("norms", "layer_norm");
        rope = kernels.kernel("rope", "rope");
        add = kernels.kernel("elementwise", "add");
        scale = kernels.kernel("elementwise", "scale");
        narrow = kernels.kernel("elementwise", "narrow");
        addBias = kernels.kernel("elementwise", "add_bias");
        dropout = kernels.kernel("elementwise", "dropout");
        gelu = kernels.kernel("elementwise", "gelu");
        swiglu = kernels.kernel("elementwise", "swiglu");
    }

    /** 1 where all of these are multiples of 16 bytes. */
    static int whole(long addresses) {
        return addresses % 16 == 0 ? 1 : 0;
    }

    /** Threads for rows of so many elements, none across two rows. */
    static long threads(int rows, int width) {
        return (long) rows * ((width + EACH - 1) / EACH);
    }

    /** Threads for so many elements. */
    static long threads(long elements) {
        return (elements + EACH - 1) / EACH;
    }

    /** y, at a multiple of 8 bytes, becomes x as BF16. */
    void narrow(long y, long x, long elements) {
        narrow.over(threads(elements), THREADS, y, x, elements, whole(x));
    }

    void embed(long out, Buffer table, long ids, int rows, int channels) {
        if (table.layout() instanceof Layout.Bands) {
            embedBands.launch(rows, 1, THREADS, 0, out, table.address(), ids, channels);
        } else {
            embed.launch(rows, 1, THREADS, 0, out, table.address(), ids, channels, Weights.code(table.type()));
        }
    }

    void rmsNorm(long y, long x, Buffer gain, int rows, int channels, float eps) {
        if (rows == 0) return;
        rmsNorm.launch(rows, 1, THREADS, 0, y, x, gain.address(), Weights.code(gain.type()), channels, eps);
    }

    void layerNorm(long y, long x, long gain, long bias, int rows, int channels, float eps) {
        if (rows > 0) layerNorm.launch(rows, 1, THREADS, 0, y, x, gain, bias, channels, eps);
    }

    void addBias(long y, Buffer bias, int rows, int channels) {
        if (rows == 0 || channels == 0) return;
        int across = (channels + THREADS - 1) / THREADS, type = Weights.code(bias.type());
        addBias.launch(across, Math.min(rows, RUNS), THREADS, 0, y, bias.address(), type, rows, channels);
    }

    void add(long y, long x, long elements) {
        add.over(threads(elements), THREADS, y, x, elements, whole(y | x));
    }

    void scale(long y, float factor, long elements) {
        scale.over(threads(elements), THREADS, y, factor, elements, whole(y));
    }

    void dropout(long x, long elements, double share, long seed) {
        DropoutShare kept = DropoutShare.of(share);
        if (kept.dropped() == 0) return;
        dropout.over(threads(elements), THREADS, x, kept.dropped(), kept.factor(), seed, elements, whole(x));
    }

    /** @param each positions on the card, or 0: first + r % period */
    void rope(
            long x,
            int rows,
            int stride,
            int heads,
            int headDim,
            long table,
            int positions,
            long each,
            int first,
            int period,
            float sign) {
        rope.launch(rows, 1, THREADS, 0, x, stride, heads, headDim / 2, table, positions, each, first, period, sign);
    }

    void gelu(Gelu form, long y, long x, long elements) {
        gelu.over(threads(elements), THREADS, y, x, form == Gelu.QUICK ? 1 : 0, elements, whole(y | x));
    }

    void swiglu(long y, long gate, long up, int rows, int stride, int width) {
        int whole = whole(y | gate | up | 4L * stride | 4L * width);
        swiglu.over(threads(rows, width), THREADS, y, gate, up, rows, stride, width, whole);
    }
}
