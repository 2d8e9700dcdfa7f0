package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * The inner loop of {@link SkinnyProduct} for one type of weights: four rows of w against one to six rows of
 * x, every weight loaded and made a float once a tile. Each (row, output) pair has one accumulator of
 * {@link #LANES} lanes, whatever the tile; what is left of a row after whole vectors is the caller's.
 */
abstract class SkinnyTile {
    /** Outputs of a tile. */
    static final int OUTS = 4;

    /** Most rows of a tile: with four weights and one x, 29 of 32 registers. */
    static final int ROWS = 6;

    private static final int HALF = LANES / 2, QUARTER = LANES / 4;
    private static final VectorShuffle<Float> BY_HALF = exchange(HALF), BY_QUARTER = exchange(QUARTER);
    private static final VectorShuffle<Float> BY_EIGHTH = exchange(LANES / 8), BY_SIXTEENTH = exchange(LANES / 16);
    private static final VectorMask<Float> UPPER_HALF = upper(HALF), UPPER_QUARTER = upper(QUARTER);

    /** Where {@link #fold} leaves the sums of a, b, c, d. */
    private static final int[] PLACES = {0, HALF, QUARTER, HALF + QUARTER};

    /** Weight i of a row. */
    abstract float weight(long row, int i);

    /** One row of x against the rows of w at w0..w3; accumulators from {@code to} on, as {@link #lanes(int, int)} says. */
    abstract void one(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3);

    /** Two rows of x, {@code in} elements apart. */
    abstract void two(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3);

    /** Three rows of x. */
    abstract void three(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3);

    /** Four rows of x. */
    abstract void four(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3);

    /** Five rows of x. */
    abstract void five(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3);

    /** Six rows of x. */
    abstract void six(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3);

    /** {@code rows} rows of x, 1 to {@link #ROWS}. */
    final void rows(int rows, float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        switch (rows) {
            case 1 -> one(sums, to, in, x, w0, w1, w2, w3);
            case 2 -> two(sums, to, in, x, w0, w1, w2, w3);
            case 3 -> three(sums, to, in, x, w0, w1, w2, w3);
            case 4 -> four(sums, to, in, x, w0, w1, w2, w3);
            case 5 -> five(sums, to, in, x, w0, w1, w2, w3);
            default -> six(sums, to, in, x, w0, w1, w2, w3);
        }
    }

    /**
     * Adds the lanes of a row's accumulators, those half a vector apart first, then a quarter, and so on.
     * (reduceLanes leaves its order open, and interpreter and compiler differ.) The sums are left at {@link #place}.
     */
    static void fold(float[] sums, int first, int row) {
        int at = first + row * OUTS * LANES;
        folded(lanes(sums, at), lanes(sums, at + LANES), lanes(sums, at + 2 * LANES), lanes(sums, at + 3 * LANES))
                .intoArray(sums, at);
    }

    private static FloatVector lanes(float[] values, int at) {
        return FloatVector.fromArray(FLOATS, values, at);
    }

    /** As {@link #fold}; the sums go to {@code to}, {@code apart} elements from one to the next. */
    static void foldRow(float[] sums, int at, float[] to, int first, int apart) {
        FloatVector all = folded(
                lanes(sums, at), lanes(sums, at + LANES), lanes(sums, at + 2 * LANES), lanes(sums, at + 3 * LANES));
        to[first] = all.lane(0);
        to[first + apart] = all.lane(HALF);
        to[first + 2 * apart] = all.lane(QUARTER);
        to[first + 3 * apart] = all.lane(HALF + QUARTER);
    }

    /** Where the accumulator of a pair begins. */
    static int lanes(int row, int output) {
        return (row * OUTS + output) * LANES;
    }

    /** Where {@link #fold} leaves the sum of a pair. */
    static int place(int row, int output) {
        return row * OUTS * LANES + PLACES[output];
    }

    // Two vectors share one as soon as each needs but half of it.
    private static FloatVector folded(FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
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
