package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Tiles.OUTS;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Layout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link SkinnyProduct} for matrices in {@link Tiles}: the lanes of a vector are outputs and x is broadcast, so
 * there are no lanes to fold. In the sums every (row, output) pair has a lane, to which the products are added from
 * the first input to the last, whatever the rows beside it, the threads and the machine; and w's type counts only by
 * its values. (Against rows of the same values the order is another.)
 *
 * <p>A few tiles are multiplied at once, far apart in a thread's part: one stream of memory reaches three
 * quarters of what four do. How many, and how many rows, is bounded by the accumulators, {@link #MOST} of them.
 */
final class TileProduct implements Threads.Part {
    /** Accumulators of a step; with weights, scales and x they fill the 32 registers. */
    private static final int MOST = 24;

    /** Most rows of a step; more go in steps of four to six. */
    private static final int ROWS = 6;

    /** The inner loops for one type of weights; each leaves its sums as [rows, tiles, OUTS]. */
    interface Loops {
        /** One row of x against four tiles. */
        void one(float[] sums, float[] x, int from, int in, int count, long w0, long w1, long w2, long w3);

        /** Two rows of x, {@code in} elements apart, against four tiles. */
        void two(float[] sums, float[] x, int from, int in, int count, long w0, long w1, long w2, long w3);

        /** Three rows against three tiles. */
        void three(float[] sums, float[] x, int from, int in, int count, long w0, long w1, long w2);

        /** Four rows against two tiles. */
        void four(float[] sums, float[] x, int from, int in, int count, long w0, long w1);

        /** Five rows against two tiles. */
        void five(float[] sums, float[] x, int from, int in, int count, long w0, long w1);

        /** Six rows against two tiles. */
        void six(float[] sums, float[] x, int from, int in, int count, long w0, long w1);
    }

    private static final Loops BF16 = TileLoops.of(DType.BF16), I8 = TileLoops.of(DType.I8);
    private static final ThreadLocal<TileProduct> CALLER = ThreadLocal.withInitial(TileProduct::new);

    private DType type;
    private Loops loops;
    private long y, x, w, stride;
    private int rows, in, out, parts, sweeps, together;
    private boolean adds;
    private float[] xs = {};
    private float[][] sums = {};

    private TileProduct() {}

    /** As {@link SkinnyProduct#linear}. */
    static void linear(
            Threads threads, Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, float beta) {
        TileProduct job = CALLER.get();
        job.set(y, x, w, layout, rows, out, beta != 0);
        long work = (long) rows * job.in * out;
        job.read(x);
        job.split(work < SkinnyProduct.ALONE ? 1 : Math.min(threads.count(), tiles(out)));
        if (job.parts == 1) job.run(0);
        else threads.run(job.parts, job);
    }

    private void set(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, boolean adds) {
        this.type = w.type();
        this.loops = type == DType.I8 ? I8 : BF16;
        this.y = y.address();
        this.x = x.address();
        this.w = w.address();
        this.stride = layout.stride(type);
        this.rows = rows;
        this.in = layout.inputs();
        this.out = out;
        this.adds = adds;
        this.sweeps = (rows + ROWS - 1) / ROWS;
        this.together = tilesOf((rows + sweeps - 1) / sweeps);
    }

    // From an array the loops read without checks that could fail: those keep every accumulator in memory.
    private void read(Buffer x) {
        if (xs.length < rows * in) xs = new float[Device.INVARIANT_ROWS * in];
        MemorySegment.copy(Lanes.ALL, ValueLayout.JAVA_FLOAT_UNALIGNED, x.address(), xs, 0, rows * in);
    }

    private void split(int parts) {
        this.parts = parts;
        if (sums.length < parts) sums = new float[parts][MOST * Lanes.LANES];
    }

    /** Tiles of a step of so many rows. */
    private static int tilesOf(int rows) {
        return rows <= 2 ? 4 : rows == 3 ? 3 : 2;
    }

    static int tiles(int out) {
        return (out + OUTS - 1) / OUTS;
    }

    /** Tiles of a part, those of a step {@code apart}; in place of those past the end the last is read again. */
    @Override
    public void run(int part) {
        int tiles = tiles(out), from = (int) ((long) tiles * part / parts);
        int end = (int) ((long) tiles * (part + 1) / parts), apart = (end - from + together - 1) / together;
        for (int first = from; first < from + apart; first++) {
            for (int sweep = 0; sweep < sweeps; sweep++) {
                int row = rows * sweep / sweeps, taken = rows * (sweep + 1) / sweeps - row;
                multiply(sums[part], row, taken, first, apart, end - 1);
                for (int r = 0; r < taken; r++) write(sums[part], r * tilesOf(taken), row + r, first, apart, end);
            }
        }
    }

    private void multiply(float[] sums, int row, int taken, int first, int apart, int last) {
        long w0 = w + first * stride, w1 = w + Math.min(first + apart, last) * stride;
        long w2 = w + Math.min(first + 2 * apart, last) * stride, w3 = w + Math.min(first + 3 * apart, last) * stride;
        Arrays.fill(sums, 0);
        int count = type == DType.I8 ? Buffer.GROUP : in, from = row * in, end = from + in;
        long block = stride / (in / count);
        for (; from < end; from += count, w0 += block, w1 += block, w2 += block, w3 += block) {
            switch (taken) {
                case 1 -> loops.one(sums, xs, from, in, count, w0, w1, w2, w3);
                case 2 -> loops.two(sums, xs, from, in, count, w0, w1, w2, w3);
                case 3 -> loops.three(sums, xs, from, in, count, w0, w1, w2);
                case 4 -> loops.four(sums, xs, from, in, count, w0, w1);
                case 5 -> loops.five(sums, xs, from, in, count, w0, w1);
                default -> loops.six(sums, xs, from, in, count, w0, w1);
            }
        }
    }

    // The sums of a row of a step, which begin with tile `from` of them, to a row of y.
    private void write(float[] sums, int from, int row, int first, int apart, int end) {
        for (int t = 0; t < together && first + t * apart < end; t++) {
            int o = (first + t * apart) * OUTS, at = (from + t) * OUTS;
            if (o + OUTS <= out) writeRow(y + 4 * ((long) row * out + o), sums, at, adds);
            else for (int j = 0; o + j < out; j++) add(row, o + j, sums[at + j]);
        }
    }

    private static void writeRow(long to, float[] sums, int at, boolean adds) {
        for (int i = 0; i < OUTS; i += Lanes.LANES) {
            FloatVector v = FloatVector.fromArray(Lanes.FLOATS, sums, at + i);
            Lanes.store(adds ? Lanes.load(to + 4L * i).add(v) : v, to + 4L * i);
        }
    }

    private void add(int row, int o, float sum) {
        long at = y + 4 * ((long) row * out + o);
        Lanes.set(at, adds ? Lanes.get(at) + sum : sum);
    }

    /** The scalar twin of {@link #linear}: the same bits, one multiply-add at a time. */
    static void scalar(Buffer y, Buffer x, Buffer w, Layout.Tiles layout, int rows, int out, float beta) {
        TileProduct job = new TileProduct();
        job.set(y, x, w, layout, rows, out, beta != 0);
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < out; o++) job.add(r, o, job.scalar(r, o));
        }
    }

    private float scalar(int row, int o) {
        long xs = x + 4L * row * in, tile = w + o / OUTS * stride;
        float sum = 0;
        for (int i = 0; i < in; i++) {
            sum = Math.fma(Lanes.get(xs + 4L * i), Tiles.value(tile, type, o % OUTS, i), sum);
        }
        return sum;
    }
}
