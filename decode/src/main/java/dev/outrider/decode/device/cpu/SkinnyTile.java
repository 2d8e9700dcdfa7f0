package dev.outrider.decode.device.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loop of {@link SkinnyProduct} for one type of weights: four rows of w against one, two or four
 * rows of x, every weight loaded once a tile. Each (row, output) pair has one accumulator, whatever the tile;
 * at the end the halves of its lanes are added until one is left.
 */
abstract class SkinnyTile {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    static final int LANES = FLOATS.length();
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Outputs of a tile. */
    static final int OUTS = 4;

    /** Most rows of a tile. */
    static final int ROWS = 4;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final int HALF = LANES / 2, QUARTER = LANES / 4;
    private static final VectorShuffle<Float> BY_HALF = exchange(HALF), BY_QUARTER = exchange(QUARTER);
    private static final VectorShuffle<Float> BY_EIGHTH = exchange(LANES / 8), BY_SIXTEENTH = exchange(LANES / 16);
    private static final VectorMask<Float> UPPER_HALF = upper(HALF), UPPER_QUARTER = upper(QUARTER);

    /** Where {@link #sums} leaves the sums of a, b, c, d. */
    private static final int[] PLACES = {0, HALF, QUARTER, HALF + QUARTER};

    /** Bytes of a weight. */
    abstract int bytes();

    /** Elements of a row that one step of the inner loop takes; those past the last step are the caller's. */
    abstract int step();

    /** The weight at an address. */
    abstract float weight(long address);

    /** The lane that element i of a step is added to; each lane adds in the order of i. */
    abstract int lane(int i);

    /** Whether x has to be brought into this tile's order first. */
    boolean arranges() {
        return false;
    }

    /** Copies {@code count} elements of x, step by step in the order that the inner loop takes. */
    void arrange(long to, long from, long count) {
        throw new UnsupportedOperationException();
    }

    /** Sums of one row of x against the rows of w at w0..w3, LANES a row: see {@link #place}. */
    abstract void one(float[] sums, int in, long x, long w0, long w1, long w2, long w3);

    /** Two rows of x, {@code in} elements apart. */
    abstract void two(float[] sums, int in, long x, long w0, long w1, long w2, long w3);

    /** Four rows of x. */
    abstract void four(float[] sums, int in, long x, long w0, long w1, long w2, long w3);

    // Inlining has its limits: larger tiles leave their accumulators in memory and add their lanes afterwards.
    static void store(float[] sums, int row, FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
        int at = row * OUTS * LANES;
        a.intoArray(sums, at);
        b.intoArray(sums, at + LANES);
        c.intoArray(sums, at + 2 * LANES);
        d.intoArray(sums, at + 3 * LANES);
    }

    static void fold(float[] sums, int row) {
        int at = row * OUTS * LANES;
        sums(lanes(sums, at), lanes(sums, at + LANES), lanes(sums, at + 2 * LANES), lanes(sums, at + 3 * LANES))
                .intoArray(sums, row * LANES);
    }

    private static FloatVector lanes(float[] values, int at) {
        return FloatVector.fromArray(FLOATS, values, at);
    }

    /** Index among {@code sums} of a pair of the tile. */
    static int place(int row, int output) {
        return row * LANES + PLACES[output];
    }

    static FloatVector floats(long address) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, address, ORDER);
    }

    static float value(long address) {
        return ALL.get(FLOAT, address);
    }

    // reduceLanes leaves its order open, and interpreter and compiler differ: lanes are added by hand, those
    // half a vector apart first. Two vectors share one as soon as each needs but half of it.
    static FloatVector sums(FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
        FloatVector all = quarters(halves(a, b), halves(c, d));
        if (LANES > 4) all = all.add(all.rearrange(BY_EIGHTH));
        if (LANES > 8) all = all.add(all.rearrange(BY_SIXTEENTH));
        return all;
    }

    private static FloatVector halves(FloatVector a, FloatVector b) {
        return a.blend(b, UPPER_HALF).add(b.blend(a, UPPER_HALF).rearrange(BY_HALF));
    }

    private static FloatVector quarters(FloatVector a, FloatVector b) {
        return a.blend(b, UPPER_QUARTER).add(b.blend(a, UPPER_QUARTER).rearrange(BY_QUARTER));
    }

    private static VectorShuffle<Float> exchange(int distance) {
        return VectorShuffle.fromOp(FLOATS, i -> i ^ distance);
    }

    private static VectorMask<Float> upper(int distance) {
        return VectorMask.fromArray(FLOATS, upperLanes(distance), 0);
    }

    private static boolean[] upperLanes(int distance) {
        boolean[] lanes = new boolean[LANES];
        for (int i = 0; i < LANES; i++) lanes[i] = (i & distance) != 0;
        return lanes;
    }
}
