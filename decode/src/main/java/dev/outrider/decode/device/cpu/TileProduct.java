package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Tiles.OUTS;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * y[R, out] = x[R, in] · w[out, in]ᵀ for matrices in {@link Tiles}: the lanes of a vector are outputs and x is broadcast, so
 * there are no lanes to fold. x is taken in the type of the weights ({@link TileRows}), sums are F32.
 *
 * <p>Every (row, output) pair has a lane of its own, to which the products are added in one order, whatever the rows beside
 * it, their number, the threads and the machine: F32 from the first input to the last; BF16 likewise by pairs, the second
 * of a pair first; I8 a group's products as integers, exactly, then the group's sum times both scales, group after group.
 * (Against rows of the same values the order is another.)
 *
 * <p>Where the CPU has the instructions, {@link TileCode} does it, any number of rows; elsewhere {@link TileLoops} few and
 * {@link Gemm} many, whose sums are in an order of its own.
 */
final class TileProduct implements Threads.Part, AutoCloseable {
    /** Bytes of weights that stay in the nearest caches while rows go by. */
    private static final int NEAR = 1 << 18;

    /** Most rows of a step of {@link Loops}. */
    private static final int ROWS = 4;

    /** The loops for one type of weights; sums are [rows, 4, LANES]. */
    interface Loops {
        /**
         * One row of x against {@code lines} lines of four vectors of weights.
         *
         * @param x rows {@code in} elements apart, of which the line's first is at {@code from}
         */
        void one(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3);

        /** Two rows. */
        void two(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3);

        /** Three rows. */
        void three(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3);

        /** Four rows. */
        void four(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3);
    }

    private static final Loops F32 = TileLoops.of(DType.F32), BF16 = TileLoops.of(DType.BF16);
    private static final Loops I8 = TileLoops.of(DType.I8);

    private final Threads threads;
    /** Whether machine code may be used where there is any. */
    private final boolean asCode;

    private final TileRows xs;
    /** By part of the work. */
    private final Share[] shares;

    private TileCode[] codes = {};
    private TileCode code;
    private DType type;
    private Loops loops;
    private long stride;
    private int rows, in, parts, most;
    private boolean adds;
    private float[] floats = {};

    /** The matrices: of each its address, its outputs, and where they go. */
    private long[] ws = {0}, ys = {0};

    private int[] outs = {0};
    private int matrices;

    TileProduct(Threads threads, Memory memory) {
        this(threads, memory, true);
    }

    TileProduct(Threads threads, Memory memory, boolean asCode) {
        this.threads = threads;
        this.asCode = asCode;
        this.xs = new TileRows(memory);
        this.shares = new Share[threads.count()];
        for (int i = 0; i < shares.length; i++) shares[i] = new Share(memory);
    }

    /** As {@link SkinnyProduct#linear}, any number of rows. */
    void linear(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, float beta) {
        set(x, w.type(), layout, rows, beta != 0);
        matrices = 0;
        add(y, w, out);
        multiply();
    }

    /** Several matrices of one type and layout with the same rows: what their parts cost to begin is paid once. */
    void linear(List<Buffer> y, Buffer x, List<Buffer> w, Layout.Tiles layout, int rows) {
        set(x, w.getFirst().type(), layout, rows, false);
        matrices = 0;
        for (int i = 0; i < w.size(); i++)
            add(y.get(i), w.get(i), (int) (w.get(i).elements() / in));
        multiply();
    }

    private void set(Buffer x, DType type, Layout.Tiles layout, int rows, boolean adds) {
        this.type = type;
        this.stride = layout.stride(type);
        this.rows = rows;
        this.in = layout.inputs();
        this.adds = adds;
        this.code = code(type, in);
        this.most = code == null ? ROWS : TileCode.mostRows(type);
        xs.take(threads, type, x.address(), rows, in);
    }

    private void add(Buffer y, Buffer w, int out) {
        if (matrices == ws.length) {
            ws = Arrays.copyOf(ws, 2 * matrices);
            ys = Arrays.copyOf(ys, 2 * matrices);
            outs = Arrays.copyOf(outs, 2 * matrices);
        }
        ws[matrices] = w.address();
        ys[matrices] = y.address();
        outs[matrices++] = out;
    }

    private void multiply() {
        long work = 0;
        for (int m = 0; m < matrices; m++) work += (long) rows * in * outs[m];
        parts = work < SkinnyProduct.ALONE ? 1 : threads.count();
        if (code == null) widen();
        if (parts == 1) run(0);
        else threads.run(parts, this);
    }

    // What the loops of the Vector API read.
    private void widen() {
        loops = type == DType.F32 ? F32 : type == DType.BF16 ? BF16 : I8;
        if (floats.length < rows * in) floats = new float[rows * in];
        for (int r = 0; r < rows; r++) for (int i = 0; i < in; i++) floats[r * in + i] = xs.element(r, i);
    }

    /** Whether any number of rows is multiplied as few are. */
    boolean takesMany(DType type, int in) {
        return code(type, in) != null;
    }

    private TileCode code(DType type, int in) {
        for (TileCode code : codes) if (code.is(type, in)) return code;
        TileCode code = asCode ? TileCode.of(type, in).orElse(null) : null;
        if (code != null) {
            codes = Arrays.copyOf(codes, codes.length + 1);
            codes[codes.length - 1] = code;
        }
        return code;
    }

    /** An even share of the tiles of every matrix. */
    @Override
    public void run(int part) {
        for (int m = 0; m < matrices; m++) {
            int tiles = Tiles.count(outs[m]);
            shares[part].run(m, (int) ((long) tiles * part / parts), (int) ((long) tiles * (part + 1) / parts));
        }
    }

    /** What one thread does. */
    private final class Share {
        private static final long ARGUMENTS = TileCode.ARGUMENTS;

        /** Arguments of a call, then sums of a tile that y has no room for. */
        private final Scratch own;

        private final float[] sums = new float[2 * ROWS * 4 * Lanes.LANES];
        private final long[] at = new long[4];
        private long y, w;
        private int out;

        Share(Memory memory) {
            own = new Scratch(memory);
        }

        // As many tiles at a time as stay near, all rows past them.
        void run(int matrix, int from, int end) {
            y = ys[matrix];
            w = ws[matrix];
            out = outs[matrix];
            int sweeps = (rows + most - 1) / most;
            int together = sweeps == 1 ? end - from : (int) Math.max(4, NEAR / stride);
            for (int first = from; first < end; first += together) {
                int count = Math.min(together, end - first);
                for (int sweep = 0; sweep < sweeps; sweep++) {
                    int row = (int) ((long) rows * sweep / sweeps), next = (int) ((long) rows * (sweep + 1) / sweeps);
                    if (code == null) loops(row, next - row, first, count);
                    else code(row, next - row, first, count);
                }
            }
        }

        // ---- by machine code -------------------------------------------------------------------

        // Tiles of a step lie apart: one stream of memory does not always reach what a few do.
        private void code(int row, int taken, int first, int count) {
            int whole = (first + count) * OUTS <= out ? count : count - 1, together = TileCode.tiles(type, taken);
            int steps = whole / together, done = steps * together;
            if (steps > 0) code(row, taken, first, together, steps);
            if (done < whole) code(row, taken, first + done, 1, whole - done);
            if (whole < count) last(row, taken);
        }

        private void code(int row, int taken, int first, int together, int steps) {
            long to = y + 4 * ((long) row * out + (long) first * OUTS);
            call(row, taken, together, adds, steps, to, w + first * stride, 4L * out);
        }

        private void call(int row, int taken, int together, boolean adds, int steps, long y, long w, long yRow) {
            code.run(
                    own.floats((ARGUMENTS + (long) Tiles.LINE * most) / 4),
                    taken,
                    together,
                    adds,
                    steps,
                    y,
                    xs.row(row),
                    w,
                    steps * stride,
                    yRow,
                    (long) steps * Tiles.LINE,
                    xs.scale(row, 0),
                    xs.correction(row, 0));
        }

        // The last tile, of which y does not have all outputs.
        private void last(int row, int taken) {
            long sums = own.floats((ARGUMENTS + (long) Tiles.LINE * most) / 4) + ARGUMENTS;
            int first = out / OUTS;
            call(row, taken, 1, false, 1, sums, w + first * stride, Tiles.LINE);
            for (int r = 0; r < taken; r++) {
                for (int o = first * OUTS; o < out; o++) {
                    add(row + r, o, Lanes.get(sums + (long) Tiles.LINE * r + 4L * (o % OUTS)));
                }
            }
        }

        // ---- by the Vector API -----------------------------------------------------------------

        // Four vectors of outputs at a time, of tiles that lie apart.
        private void loops(int row, int taken, int first, int count) {
            int vectors = OUTS / Lanes.LANES, together = 4 / vectors, steps = (count + together - 1) / together;
            for (int step = 0; step < steps; step++) {
                for (int v = 0; v < 4; v++) {
                    int tile = first + Math.min(step + v / vectors * steps, count - 1);
                    at[v] = w + tile * stride + 4L * Lanes.LANES * (v % vectors);
                }
                sum(row, taken);
                for (int v = 0; v < 4; v++) {
                    int tile = step + v / vectors * steps, o = (first + tile) * OUTS + v % vectors * Lanes.LANES;
                    if (tile < count) for (int r = 0; r < taken; r++) write(r * 4 + v, row + r, o);
                }
            }
        }

        private void sum(int row, int taken) {
            Arrays.fill(sums, 0);
            if (type != DType.I8) lines(row * in, taken, in / Tiles.inputs(type), 0);
            else for (int g = 0; g < in / Buffer.GROUP; g++) group(row, taken, g);
        }

        private void lines(int from, int taken, int lines, long block) {
            long w0 = at[0] + block, w1 = at[1] + block, w2 = at[2] + block, w3 = at[3] + block;
            switch (taken) {
                case 1 -> loops.one(sums, floats, from, in, lines, w0, w1, w2, w3);
                case 2 -> loops.two(sums, floats, from, in, lines, w0, w1, w2, w3);
                case 3 -> loops.three(sums, floats, from, in, lines, w0, w1, w2, w3);
                default -> loops.four(sums, floats, from, in, lines, w0, w1, w2, w3);
            }
        }

        // A group's products in the first half of the sums, the row's in the second until all groups are in.
        private void group(int row, int taken, int g) {
            int half = sums.length / 2, lanes = Lanes.LANES;
            long block = (long) Tiles.BLOCK * g;
            for (int r = 0; r < taken; r++) {
                int begin = Lanes.ALL.get(ValueLayout.JAVA_INT_UNALIGNED, xs.correction(row + r, g));
                Arrays.fill(sums, r * 4 * lanes, (r + 1) * 4 * lanes, begin);
            }
            lines(row * in + g * Buffer.GROUP, taken, Buffer.GROUP / 4, block);
            for (int v = 0; v < 4; v++) {
                long vector = (at[v] - w) % stride, scales = Tiles.LINE * Buffer.GROUP / 4 - vector + vector / 2;
                for (int r = 0; r < taken; r++) {
                    float scale = Lanes.get(xs.scale(row + r, g));
                    scaleRow(sums, (r * 4 + v) * lanes, half, scale, at[v] + block + scales);
                }
            }
            if (g == in / Buffer.GROUP - 1) System.arraycopy(sums, half, sums, 0, half);
        }

        private void write(int vector, int row, int o) {
            int from = vector * Lanes.LANES;
            if (o + Lanes.LANES <= out) writeRow(y + 4 * ((long) row * out + o), sums, from, adds);
            else for (int j = 0; o + j < out && j < Lanes.LANES; j++) add(row, o + j, sums[from + j]);
        }

        private void add(int row, int o, float sum) {
            long to = y + 4 * ((long) row * out + o);
            Lanes.set(to, adds ? Lanes.get(to) + sum : sum);
        }
    }

    private static void scaleRow(float[] sums, int at, int half, float scale, long scales) {
        FloatVector group = FloatVector.fromArray(Lanes.FLOATS, sums, at),
                all = Lanes.loadF16(scales).mul(scale);
        group.fma(all, FloatVector.fromArray(Lanes.FLOATS, sums, half + at)).intoArray(sums, half + at);
    }

    private static void writeRow(long to, float[] sums, int at, boolean adds) {
        FloatVector v = FloatVector.fromArray(Lanes.FLOATS, sums, at);
        Lanes.store(adds ? Lanes.load(to).add(v) : v, to);
    }

    /** Rows of x as floats, as they are multiplied, [rows, in]. */
    void widened(DType type, long x, int rows, int in, long to) {
        xs.take(threads, type, x, rows, in);
        threads.split(rows, (first, end) -> {
            for (int r = first; r < end; r++) xs.widen(to + 4L * r * in, r);
        });
    }

    @Override
    public void close() {
        xs.close();
        for (Share share : shares) share.own.close();
    }

    // ---- the scalar twin -----------------------------------------------------------------------

    /** The scalar twin of {@link #linear}: the same bits, one multiply-add at a time. */
    void scalar(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, float beta) {
        set(x, w.type(), layout, rows, beta != 0);
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < out; o++) {
                long tile = w.address() + o / OUTS * stride, to = y.address() + 4 * ((long) r * out + o);
                float sum = type == DType.I8 ? groups(tile, r, o % OUTS) : products(tile, r, o % OUTS);
                Lanes.set(to, adds ? Lanes.get(to) + sum : sum);
            }
        }
    }

    private float products(long tile, int row, int j) {
        int pair = Tiles.inputs(type) - 1;
        float sum = 0;
        for (int i = 0; i < in; i++) {
            sum = Math.fma(xs.element(row, i ^ pair), Tiles.value(tile, type, j, i ^ pair), sum);
        }
        return sum;
    }

    private float groups(long tile, int row, int j) {
        float sum = 0;
        for (int g = 0; g < in / Buffer.GROUP; g++) {
            int products = 0;
            for (int i = g * Buffer.GROUP; i < (g + 1) * Buffer.GROUP; i++) {
                products += (int) xs.element(row, i) * Tiles.eight(tile, j, i);
            }
            sum = Math.fma(products, Tiles.scale(tile, j, g) * Lanes.get(xs.scale(row, g)), sum);
        }
        return sum;
    }
}
