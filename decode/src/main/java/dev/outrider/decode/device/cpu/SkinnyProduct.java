package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * y[R, out] = x[R, in] · w[out, in]ᵀ for few rows: decoding, and the verification of a draft. All its time
 * goes into reading w, so w is read once for all rows, four outputs at a time, in the type it is stored in.
 *
 * <p>The order in which a (row, output) pair is summed depends on {@code in} and the type of w alone: lanes
 * as {@link SkinnyTile} deals them, then the lanes as {@link SkinnyTile#fold} adds them. So a row's bits do
 * not depend on the rows beside it, nor on the threads.
 */
public final class SkinnyProduct implements Threads.Part {
    /** Multiply-adds below which a parallel region costs more than it saves. */
    static final long ALONE = 1 << 15;

    private static final SkinnyTile F32 = new SkinnyTileF32(), BF16 = new SkinnyTileBf16();
    private static final ThreadLocal<SkinnyProduct> CALLER = ThreadLocal.withInitial(SkinnyProduct::new);

    private SkinnyTile tile;
    private long y, x, w;
    private int rows, in, out, parts;
    private boolean adds;
    private float[][] sums = {};
    private MemorySegment arranged = MemorySegment.NULL;

    private SkinnyProduct() {}

    /**
     * @param y F32 [rows, out]
     * @param x F32 [rows, in]
     * @param w F32 or BF16 [out, in]
     * @param beta 0 or 1: what of y is kept
     */
    public static void linear(Threads threads, Buffer y, Buffer x, Buffer w, int rows, int in, int out, float beta) {
        SkinnyProduct job = CALLER.get();
        job.set(y, x, w, rows, in, out, beta != 0);
        if (job.tile.arranges()) job.arrange();
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
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.adds = adds;
    }

    private static SkinnyTile tile(DType type) {
        return switch (type) {
            case F32 -> F32;
            case BF16 -> BF16;
            default -> throw new IllegalArgumentException("weights of type " + type);
        };
    }

    // x moves to scratch, each row's whole steps in the tile's order, what is left as it was.
    private void arrange() {
        long bytes = 4L * rows * in;
        if (arranged.byteSize() < bytes) arranged = Arena.ofAuto().allocate(bytes, 64);
        long from = x, whole = in - in % tile.step();
        x = arranged.address();
        for (int r = 0; r < rows; r++) {
            long row = 4L * r * in;
            tile.arrange(x + row, from + row, whole);
            for (long i = whole; i < in; i++) Lanes.set(x + row + 4 * i, Lanes.get(from + row + 4 * i));
        }
    }

    private void split(int parts) {
        this.parts = parts;
        if (sums.length < parts) sums = new float[parts][SkinnyTile.ROWS * SkinnyTile.OUTS * Lanes.LANES];
    }

    private static int blocks(int out) {
        return (out + SkinnyTile.OUTS - 1) / SkinnyTile.OUTS;
    }

    /** Outputs of one part: whole blocks, in order. */
    @Override
    public void run(int part) {
        long blocks = blocks(out);
        int from = (int) (blocks * part / parts), to = (int) (blocks * (part + 1) / parts);
        for (int block = from; block < to; block++) block(sums[part], block * SkinnyTile.OUTS);
    }

    private void block(float[] sums, int first) {
        long stride = (long) in * tile.bytes();
        int last = out - 1;
        long w0 = w + first * stride;
        long w1 = w + Math.min(first + 1, last) * stride;
        long w2 = w + Math.min(first + 2, last) * stride;
        long w3 = w + Math.min(first + 3, last) * stride;
        for (int row = 0; row < rows; ) row += tile(sums, row, first, w0, w1, w2, w3);
    }

    // As many rows as a tile can take; returns how many.
    private int tile(float[] sums, int row, int first, long w0, long w1, long w2, long w3) {
        long from = x + 4L * row * in;
        int taken = rows - row >= 4 ? 4 : rows - row >= 2 ? 2 : 1;
        switch (taken) {
            case 4 -> tile.four(sums, 0, in, from, w0, w1, w2, w3);
            case 2 -> tile.two(sums, 0, in, from, w0, w1, w2, w3);
            default -> tile.one(sums, 0, in, from, w0, w1, w2, w3);
        }
        for (int r = 0; r < taken; r++) finish(sums, r, row + r, first);
        return taken;
    }

    private void finish(float[] sums, int r, int row, int first) {
        int count = Math.min(SkinnyTile.OUTS, out - first);
        if (in % tile.step() != 0) {
            for (int o = 0; o < count; o++) rest(sums, SkinnyTile.lanes(r, o), row, first + o);
        }
        SkinnyTile.fold(sums, 0, r);
        for (int o = 0; o < count; o++) add(row, first + o, sums[SkinnyTile.place(r, o)]);
    }

    // What is left of a row after whole steps, lane by lane.
    private void rest(float[] sums, int at, int row, int o) {
        int whole = in - in % tile.step(), bytes = tile.bytes();
        long xs = x + 4 * ((long) row * in + whole), ws = w + ((long) o * in + whole) * bytes;
        for (int i = 0; i < in - whole; i++) {
            int lane = at + tile.lane(i);
            sums[lane] = Math.fma(Lanes.get(xs + 4L * i), tile.weight(ws + (long) i * bytes), sums[lane]);
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
        long xs = x + 4L * row * in, ws = w + (long) o * in * tile.bytes();
        for (int i = 0; i < in; i++) {
            int lane = tile.lane(i % tile.step());
            float weight = tile.weight(ws + (long) i * tile.bytes());
            lanes[lane] = Math.fma(Lanes.get(xs + 4L * i), weight, lanes[lane]);
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
