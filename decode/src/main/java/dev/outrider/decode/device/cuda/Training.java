package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Gelu;
import dev.outrider.decode.device.AdamWStep;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Launches of gradients and of the optimiser's step, but for products and attention. Addresses are checked. */
final class Training {
    private static final int THREADS = Rowwise.THREADS, COLUMNS = 32;
    /** Rows of a slab of column sums: SLAB in columns.cu. */
    private static final int SLAB = 256;
    /** Elements of a chunk of squares. */
    private static final int CHUNK = 1 << 14;

    private final CudaContext context;
    private final Scratch scratch;
    private final Kernels.Kernel rmsNorm, layerNorm, slabs, addSlabs, gelu, swiglu, embed, squares, addPartials, adamW;
    private final double[] sum = new double[1];

    Training(CudaContext context, Kernels kernels, Scratch scratch) {
        this.context = context;
        this.scratch = scratch;
        rmsNorm = kernels.kernel("norms", "rms_norm_gradient");
        layerNorm = kernels.kernel("norms", "layer_norm_gradient");
        slabs = kernels.kernel("columns", "column_slabs");
        addSlabs = kernels.kernel("columns", "add_slabs");
        gelu = kernels.kernel("elementwise", "gelu_gradient");
        swiglu = kernels.kernel("elementwise", "swiglu_gradient");
        embed = kernels.kernel("embedding", "embed_gradient");
        squares = kernels.kernel("optimiser", "squares");
        addPartials = kernels.kernel("optimiser", "add_partials");
        adamW = kernels.kernel("optimiser", "adam_w");
    }

    void addBiasGradient(long db, long dy, int rows, int channels) {
        if (rows > 0) columns(db, scratch.floats(partial(rows, channels)), dy, 0, 0, rows, channels);
    }

    void rmsNormGradient(long dx, long dgain, long dy, long x, long gain, int rows, int channels, float eps) {
        if (rows == 0) return;
        long kept = scratch.floats(2L * rows + partial(rows, channels));
        rmsNorm.launch(rows, 1, THREADS, 0, dx, kept, dy, x, gain, channels, eps);
        columns(dgain, kept + 8L * rows, dy, x, kept, rows, channels);
    }

    void layerNormGradient(
            long dx, long dgain, long dbias, long dy, long x, long gain, int rows, int channels, float eps) {
        if (rows == 0) return;
        long kept = scratch.floats(2L * rows + partial(rows, channels));
        layerNorm.launch(rows, 1, THREADS, 0, dx, kept, dy, x, gain, channels, eps);
        columns(dgain, kept + 8L * rows, dy, x, kept, rows, channels);
        columns(dbias, kept + 8L * rows, dy, 0, 0, rows, channels);
    }

    private static int slabs(int rows) {
        return (rows + SLAB - 1) / SLAB;
    }

    private static long partial(int rows, int channels) {
        return (long) slabs(rows) * channels;
    }

    // sums[c] += Σ dy, or with x Σ (x - mean)·scale·dy, (mean, scale) kept for each row.
    private void columns(long sums, long partial, long dy, long x, long kept, int rows, int channels) {
        if (channels == 0) return;
        int across = (channels + COLUMNS - 1) / COLUMNS;
        slabs.launch(across, slabs(rows), THREADS, 0, partial, dy, x, kept, rows, channels);
        addSlabs.over(channels, THREADS, sums, partial, slabs(rows), channels);
    }

    void geluGradient(Gelu form, long dx, long dy, long x, long elements) {
        int quick = form == Gelu.QUICK ? 1 : 0, whole = Rowwise.whole(dx | dy | x);
        gelu.over(Rowwise.threads(elements), THREADS, dx, dy, x, quick, elements, whole);
    }

    void swigluGradient(long dgate, long dup, long dy, long gate, long up, int rows, int stride, int width) {
        int whole = Rowwise.whole(dgate | dup | dy | gate | up | 4L * stride | 4L * width);
        swiglu.over(Rowwise.threads(rows, width), THREADS, dgate, dup, dy, gate, up, rows, stride, width, whole);
    }

    /** Rows are sorted by id here, those of one id in their own order: a block of the card has one id's. */
    void embedGradient(long dtable, long dy, int[] ids, int offset, int rows, int channels) {
        if (rows == 0 || channels == 0) return;
        long[] sorted = new long[rows];
        for (int r = 0; r < rows; r++) sorted[r] = (long) ids[offset + r] << 32 | r;
        Arrays.sort(sorted);
        int[] distinct = new int[rows], starts = new int[rows + 1], order = new int[rows];
        int count = 0;
        for (int i = 0; i < rows; i++) {
            int id = (int) (sorted[i] >>> 32);
            order[i] = (int) sorted[i];
            if (i > 0 && distinct[count - 1] == id) continue;
            starts[count] = i;
            distinct[count++] = id;
        }
        starts[count] = rows;
        embed.launch(
                count,
                (channels + THREADS - 1) / THREADS,
                THREADS,
                0,
                dtable,
                dy,
                scratch.ints(Scratch.Numbers.DISTINCT, distinct, 0, count),
                scratch.ints(Scratch.Numbers.STARTS, starts, 0, count + 1),
                scratch.ints(Scratch.Numbers.ORDER, order, 0, rows),
                channels);
    }

    double sumOfSquares(long x, long elements) {
        if (elements == 0) return 0;
        int chunks = Math.toIntExact((elements + CHUNK - 1) / CHUNK);
        long sum = scratch.bytes(8L * (1 + chunks)), partial = sum + 8;
        squares.launch(chunks, 1, THREADS, 0, partial, x, elements);
        addPartials.launch(1, 1, THREADS, 0, sum, partial, chunks);
        context.download(sum, MemorySegment.ofArray(this.sum), ValueLayout.JAVA_DOUBLE.byteSize());
        return this.sum[0];
    }

    void adamW(AdamWStep step, long p, long g, long m, long v, long elements) {
        adamW.over(
                elements,
                THREADS,
                p,
                g,
                m,
                v,
                elements,
                (float) step.keep(),
                (float) step.first(),
                (float) step.second(),
                (float) (1 - step.second()),
                (float) -step.rate(),
                (float) step.root(),
                (float) step.eps(),
                (float) step.scale());
    }
}
