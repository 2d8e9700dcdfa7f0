package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Tiles.OUTS;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
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
    /** By thread: arguments of a call, and sums of a tile that y has no room for. */
    private final Scratch[] own;

    private TileCode[] codes = {};
    private TileCode code;
    private DType type;
    private Loops loops;
    private long y, w, stride;
    private int rows, in, out, parts, most;
    private boolean adds;
    private float[] floats = {};
    private float[][] sums = {};

    TileProduct(Threads threads, Memory memory) {
        this(threads, memory, true);
    }

    TileProduct(Threads threads, Memory memory, boolean asCode) {
        this.threads = threads;
        this.asCode = asCode;
        this.xs = new TileRows(memory);
        this.own = new Scratch[threads.count()];
        for (int i = 0; i < own.length; i++) own[i] = new Scratch(memory);
    }

    /** As {@link SkinnyProduct#linear}, any number of rows. */
    void linear(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, float beta) {
        set(y, x, w, layout, rows, out, beta != 0);
        long work = (long) rows * in * out;
        parts = work < SkinnyProduct.ALONE ? 1 : Math.min(threads.count(), Tiles.count(out));
        if (code == null) widen();
        if (parts == 1) run(0);
        else threads.run(parts, this);
    }

    private void set(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, boolean adds) {
        this.type = w.type();
        this.y = y.address();
        this.w = w.address();
        this.stride = layout.stride(type);
        this.rows = rows;
        this.in = layout.inputs();
        this.out = out;
        this.adds = adds;
        this.code = code(type, in);
        this.most = code == null ? ROWS : TileCode.mostRows(type);
        xs.take(threads, type, x.address(), rows, in);
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

    /** Tiles of a part: as many at a time as stay near, all rows past them. */
    @Override
    public void run(int part) {
        int tiles = Tiles.count(out), from = (int) ((long) tiles * part / parts);
        int end = (int) ((long) tiles * (part + 1) / parts), sweeps = (rows + most - 1) / most;
        int together = sweeps == 1 ? end - from : (int) Math.max(4, NEAR / stride);
        for (int first = from; first < end; first += together) {
            int count = Math.min(together, end - first);
            for (int sweep = 0; sweep < sweeps; sweep++) {
                int row = (int) ((long) rows * sweep / sweeps), next = (int) ((long) rows * (sweep + 1) / sweeps);
                multiply(part, row, next - row, first, count);
            }
        }
    }

    private void multiply(int part, int row, int taken, int first, int count) {
        if (code == null) loops(part, row, taken, first, count);
        else {
            int whole = (first + count) * OUTS <= out ? count : count - 1, at = TileCode.tiles(type, taken);
            int steps = whole / at;
            code(part, row, taken, first, at, steps);
            code(part, row, taken, first + steps * at, 1, whole - steps * at);
            if (whole < count) last(part, row, taken);
        }
    }

    // ---- by machine code -----------------------------------------------------------------------

    // Tiles of a step lie apart: one stream of memory does not always reach what a few do.
    private void code(int part, int row, int taken, int first, int together, int steps) {
        if (steps == 0) return;
        long at = y + 4 * ((long) row * out + (long) first * OUTS);
        call(part, row, taken, together, adds, steps, at, w + first * stride, 4L * out);
    }

    private void call(int part, int row, int taken, int together, boolean adds, int steps, long y, long w, long apart) {
        long arguments = own[part].floats((TileCode.ARGUMENTS + (long) Tiles.LINE * most) / 4);
        code.run(
                arguments,
                taken,
                together,
                adds,
                steps,
                y,
                xs.row(row),
                w,
                steps * stride,
                apart,
                (long) steps * Tiles.LINE,
                xs.scale(row, 0),
                xs.correction(row, 0));
    }

    // The last tile, of which y does not have all outputs.
    private void last(int part, int row, int taken) {
        long sums = own[part].floats((TileCode.ARGUMENTS + (long) Tiles.LINE * most) / 4) + TileCode.ARGUMENTS;
        int first = out / OUTS;
        call(part, row, taken, 1, false, 1, sums, w + first * stride, Tiles.LINE);
        for (int r = 0; r < taken; r++) {
            for (int o = first * OUTS; o < out; o++) {
                add(row + r, o, Lanes.get(sums + (long) Tiles.LINE * r + 4L * (o % OUTS)));
            }
        }
    }

    // ---- by the Vector API ---------------------------------------------------------------------

    private void widen() {
        loops = type == DType.F32 ? F32 : type == DType.BF16 ? BF16 : I8;
        if (floats.length < rows * in) floats = new float[rows * in];
        for (int r = 0; r < rows; r++) for (int i = 0; i < in; i++) floats[r * in + i] = xs.element(r, i);
        if (sums.length < parts) sums = new float[parts][2 * ROWS * 4 * Lanes.LANES];
    }

    // Four vectors of outputs at a time, of tiles that lie apart.
    private void loops(int part, int row, int taken, int first, int count) {
        int vectors = OUTS / Lanes.LANES, together = 4 / vectors, steps = (count + together - 1) / together;
        long[] at = new long[4];
        for (int step = 0; step < steps; step++) {
            for (int v = 0; v < 4; v++) {
                int tile = first + Math.min(step + v / vectors * steps, count - 1);
                at[v] = w + tile * stride + 4L * Lanes.LANES * (v % vectors);
            }
            sum(sums[part], row, taken, at);
            for (int v = 0; v < 4; v++) {
                int tile = step + v / vectors * steps, o = (first + tile) * OUTS + v % vectors * Lanes.LANES;
                if (tile < count) for (int r = 0; r < taken; r++) write(sums[part], r * 4 + v, row + r, o);
            }
        }
    }

    private void sum(float[] sums, int row, int taken, long[] at) {
        Arrays.fill(sums, 0);
        if (type != DType.I8) lines(sums, row * in, taken, in / Tiles.inputs(type), at[0], at[1], at[2], at[3]);
        else for (int g = 0; g < in / Buffer.GROUP; g++) group(sums, row, taken, g, at);
    }

    private void lines(float[] sums, int from, int taken, int lines, long w0, long w1, long w2, long w3) {
        switch (taken) {
            case 1 -> loops.one(sums, floats, from, in, lines, w0, w1, w2, w3);
            case 2 -> loops.two(sums, floats, from, in, lines, w0, w1, w2, w3);
            case 3 -> loops.three(sums, floats, from, in, lines, w0, w1, w2, w3);
            default -> loops.four(sums, floats, from, in, lines, w0, w1, w2, w3);
        }
    }

    // A group's products in the first half of the sums, the row's in the second until all groups are in.
    private void group(float[] sums, int row, int taken, int g, long[] at) {
        int half = sums.length / 2, lanes = Lanes.LANES;
        long block = (long) Tiles.BLOCK * g, scales = block + Tiles.LINE * Buffer.GROUP / 4;
        for (int r = 0; r < taken; r++) {
            int begin = Lanes.ALL.get(ValueLayout.JAVA_INT_UNALIGNED, xs.correction(row + r, g));
            Arrays.fill(sums, r * 4 * lanes, (r + 1) * 4 * lanes, begin);
        }
        lines(
                sums,
                row * in + g * Buffer.GROUP,
                taken,
                Buffer.GROUP / 4,
                at[0] + block,
                at[1] + block,
                at[2] + block,
                at[3] + block);
        for (int v = 0; v < 4; v++) {
            long vector = (at[v] - w) % stride / 4 * 2, tile = at[v] - (at[v] - w) % stride;
            for (int r = 0; r < taken; r++) {
                scaleRow(sums, (r * 4 + v) * lanes, half, Lanes.get(xs.scale(row + r, g)), tile + scales + vector);
            }
        }
        if (g == in / Buffer.GROUP - 1) System.arraycopy(sums, half, sums, 0, half);
    }

    private static void scaleRow(float[] sums, int at, int half, float scale, long scales) {
        FloatVector group = FloatVector.fromArray(Lanes.FLOATS, sums, at),
                all = Lanes.loadF16(scales).mul(scale);
        group.fma(all, FloatVector.fromArray(Lanes.FLOATS, sums, half + at)).intoArray(sums, half + at);
    }

    private void write(float[] sums, int vector, int row, int o) {
        int at = vector * Lanes.LANES;
        if (o + Lanes.LANES <= out) writeRow(y + 4 * ((long) row * out + o), sums, at, adds);
        else for (int j = 0; o + j < out && j < Lanes.LANES; j++) add(row, o + j, sums[at + j]);
    }

    private static void writeRow(long to, float[] sums, int at, boolean adds) {
        FloatVector v = FloatVector.fromArray(Lanes.FLOATS, sums, at);
        Lanes.store(adds ? Lanes.load(to).add(v) : v, to);
    }

    private void add(int row, int o, float sum) {
        long at = y + 4 * ((long) row * out + o);
        Lanes.set(at, adds ? Lanes.get(at) + sum : sum);
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
        for (Scratch scratch : own) scratch.close();
    }

    // ---- the scalar twin -----------------------------------------------------------------------

    /** The scalar twin of {@link #linear}: the same bits, one multiply-add at a time. */
    void scalar(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, float beta) {
        set(y, x, w, layout, rows, out, beta != 0);
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < out; o++) {
                long tile = this.w + o / OUTS * stride;
                add(r, o, type == DType.I8 ? groups(tile, r, o % OUTS) : products(tile, r, o % OUTS));
            }
        }
    }

    private float products(long tile, int row, int j) {
        int pair = Tiles.inputs(type) - 1;
        float sum = 0;
        for (int i = 0; i < in; i++)
            sum = Math.fma(xs.element(row, i ^ pair), Tiles.value(tile, type, j, i ^ pair), sum);
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
