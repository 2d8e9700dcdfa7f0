package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * y[R, out] = x[R, in] · w[out, in]ᵀ for few rows of x, and w in rows as well, as a checkpoint's file has it:
 * decoding, and the verification of a draft. All its time should go into reading w, so w is read once for up to
 * {@link SkinnyTile#ROWS} rows, four outputs at a time, in the type it is stored in; the sweeps of more rows find it
 * in the nearest cache. ({@link TileProduct} takes matrices that were converted when they were loaded.)
 *
 * <p>The order in which a (row, output) pair is summed depends on {@code in} alone: lanes as
 * {@link SkinnyLoops} deals them, then the lanes as {@link SkinnyTile#fold} adds them. So a row's bits do
 * not depend on the rows beside it, nor on the threads, and w's type counts only by its values.
 */
public final class SkinnyProduct implements Threads.Part {
    /** Multiply-adds below which a parallel region costs more than it saves. */
    static final long ALONE = 1 << 15;

    /** Tiles whose sums are written together: a line of the cache for each run. */
    private static final int GATHER = 16;

    /** Loops over float32, for kernels that are products in disguise. */
    static final SkinnyTile F32 = SkinnyLoops.of(DType.F32);

    private static final SkinnyTile BF16 = SkinnyLoops.of(DType.BF16), F16 = SkinnyLoops.of(DType.F16);
    private static final ThreadLocal<SkinnyProduct> CALLER = ThreadLocal.withInitial(SkinnyProduct::new);

    private SkinnyTile tile;
    private long y, x, w, stride;
    private int rows, in, out, parts;
    private boolean adds;
    private float[][] sums = {}, gathered = {};

    private SkinnyProduct() {}

    /**
     * @param y F32 [rows, out]
     * @param x F32 [rows, in]
     * @param w F32, BF16 or F16 [out, in], in rows
     * @param beta 0 or 1: what of y is kept
     */
    public static void linear(Threads threads, Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        SkinnyProduct job = CALLER.get();
        job.set(y, x, w, rows, in, out, beta != 0);
        long work = (long) rows * in * out;
        job.split(work < ALONE ? 1 : Math.min(threads.count(), blocks(out)));
        if (job.parts == 1) job.run(0);
        else threads.run(job.parts, job);
    }

    private void set(Buffer y, Buffer x, Buffer w, int rows, int in, int out, boolean adds) {
        this.tile = tile(w.type());
        this.y = y.address();
        this.x = x.address();
        this.w = w.address();
        this.stride = (long) in * w.type().bytes;
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.adds = adds;
    }

    private static SkinnyTile tile(DType type) {
        return switch (type) {
            case F32 -> F32;
            case BF16 -> BF16;
            case F16 -> F16;
            default -> throw new IllegalArgumentException("weights of type " + type);
        };
    }

    private void split(int parts) {
        this.parts = parts;
        if (gathered.length < parts || gathered[0].length < gather(rows, 0)) {
            int most = Math.max(rows, Device.INVARIANT_ROWS), teams = Math.max(parts, gathered.length);
            sums = new float[teams][SkinnyTile.lanes(SkinnyTile.ROWS, 0)];
            gathered = new float[teams][gather(most, 0)];
        }
    }

    private static int blocks(int out) {
        return (out + SkinnyTile.OUTS - 1) / SkinnyTile.OUTS;
    }

    /**
     * Outputs of one part. Those of a tile lie a quarter of the part apart, so that w is read in four long
     * runs: with four short ones every tile would begin by waiting for memory. Sums are gathered for
     * {@link #GATHER} tiles before they go to y: written one by one, rows and quarters apart, they drive x
     * and w out of the few places that a cache has for addresses so alike.
     */
    @Override
    public void run(int part) {
        int from = (int) ((long) out * part / parts), end = (int) ((long) out * (part + 1) / parts);
        int quarter = (end - from + SkinnyTile.OUTS - 1) / SkinnyTile.OUTS;
        for (int begin = 0; begin < quarter; begin += GATHER) {
            int count = Math.min(GATHER, quarter - begin);
            for (int t = 0; t < count; t++) tile(part, t, from + begin + t, quarter, end);
            for (int row = 0; row < rows; row++) {
                for (int o = 0; o < SkinnyTile.OUTS; o++) {
                    int first = from + begin + o * quarter;
                    write(gathered[part], gather(row, o), row, first, Math.min(count, end - first));
                }
            }
        }
    }

    // Outputs first, first + quarter, ... that are below the end; in place of others the last is read again.
    private void tile(int part, int t, int first, int quarter, int end) {
        int o1 = Math.min(first + quarter, end - 1);
        int o2 = Math.min(first + 2 * quarter, end - 1), o3 = Math.min(first + 3 * quarter, end - 1);
        long w0 = w + first * stride, w1 = w + o1 * stride, w2 = w + o2 * stride, w3 = w + o3 * stride;
        int sweeps = (rows + SkinnyTile.ROWS - 1) / SkinnyTile.ROWS;
        for (int sweep = 0; sweep < sweeps; sweep++) {
            int row = rows * sweep / sweeps, taken = rows * (sweep + 1) / sweeps - row;
            tile.rows(taken, sums[part], 0, in, x + 4L * row * in, w0, w1, w2, w3);
            for (int r = 0; r < taken; r++) {
                int at = SkinnyTile.lanes(r, 0);
                if (in % Lanes.LANES != 0) rest(sums[part], at, row + r, first, o1, o2, o3);
                SkinnyTile.foldRow(sums[part], at, gathered[part], gather(row + r, 0) + t, GATHER);
            }
        }
    }

    private void rest(float[] sums, int at, int row, int o0, int o1, int o2, int o3) {
        rest(sums, at, row, o0);
        rest(sums, at + SkinnyTile.lanes(0, 1), row, o1);
        rest(sums, at + SkinnyTile.lanes(0, 2), row, o2);
        rest(sums, at + SkinnyTile.lanes(0, 3), row, o3);
    }

    private static int gather(int row, int o) {
        return (row * SkinnyTile.OUTS + o) * GATHER;
    }

    // count sums, perhaps none or fewer, to outputs first, first + 1, ... of a row.
    private void write(float[] sums, int at, int row, int first, int count) {
        long to = y + 4 * ((long) row * out + first);
        if (count == GATHER) writeRow(to, sums, at, adds);
        else for (int i = 0; i < count; i++) add(row, first + i, sums[at + i]);
    }

    private static void writeRow(long to, float[] sums, int at, boolean adds) {
        for (int i = 0; i < GATHER; i += Lanes.LANES) {
            FloatVector v = FloatVector.fromArray(Lanes.FLOATS, sums, at + i);
            Lanes.store(adds ? Lanes.load(to + 4L * i).add(v) : v, to + 4L * i);
        }
    }

    // What is left of a row after whole vectors, lane by lane.
    private void rest(float[] sums, int at, int row, int o) {
        int whole = Lanes.whole(in);
        long xs = x + 4L * row * in, ws = w + o * stride;
        for (int i = whole; i < in; i++) {
            int lane = at + i - whole;
            sums[lane] = Math.fma(Lanes.get(xs + 4L * i), tile.weight(ws, i), sums[lane]);
        }
    }

    private void add(int row, int o, float sum) {
        long at = y + 4 * ((long) row * out + o);
        Lanes.set(at, adds ? Lanes.get(at) + sum : sum);
    }

    /** The scalar twin of {@link #linear}: the same bits, one multiply-add at a time. */
    static void scalar(Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        SkinnyProduct job = new SkinnyProduct();
        job.set(y, x, w, rows, in, out, beta != 0);
        float[] lanes = new float[Lanes.LANES];
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < out; o++) job.add(r, o, job.scalar(lanes, r, o));
        }
    }

    private float scalar(float[] lanes, int row, int o) {
        Arrays.fill(lanes, 0);
        long xs = x + 4L * row * in, ws = w + o * stride;
        for (int i = 0; i < in; i++) {
            int lane = i % Lanes.LANES;
            lanes[lane] = Math.fma(Lanes.get(xs + 4L * i), tile.weight(ws, i), lanes[lane]);
        }
        return folded(lanes, 0);
    }

    /** The sum of LANES values from {@code at} on, which are overwritten: those half a vector apart first. */
    static float folded(float[] values, int at) {
        for (int n = Lanes.LANES / 2; n > 0; n /= 2) {
            for (int l = 0; l < n; l++) values[at + l] += values[at + l + n];
        }
        return values[at];
    }
}
