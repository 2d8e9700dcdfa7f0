package dev.outrider.decode.device.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loop of {@link SkinnyProduct} for one type of weights: four rows of w against one, two or
 * four rows of x, every weight loaded once a tile. Each (row, output) pair has one accumulator of
 * {@link #LANES} lanes, so lane l holds the sum of the products at l, l + LANES, l + 2·LANES, … in that
 * order, whatever the tile. Lanes go to {@code sums}, pair by pair, row-major; elements past the last
 * whole vector are the caller's.
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

    /** Bytes of a weight. */
    abstract int bytes();

    /** The weight at an address. */
    abstract float weight(long address);

    /** One row of x at {@code x} against the rows of w at w0..w3. */
    abstract void one(float[] sums, int in, long x, long w0, long w1, long w2, long w3);

    /** Two rows of x, {@code in} elements apart. */
    abstract void two(float[] sums, int in, long x, long w0, long w1, long w2, long w3);

    /** Four rows of x. */
    abstract void four(float[] sums, int in, long x, long w0, long w1, long w2, long w3);

    static FloatVector floats(long address) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, address, ORDER);
    }

    static float value(long address) {
        return ALL.get(FLOAT, address);
    }

    static void store(float[] sums, int row, FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
        int at = row * OUTS * LANES;
        a.intoArray(sums, at);
        b.intoArray(sums, at + LANES);
        c.intoArray(sums, at + 2 * LANES);
        d.intoArray(sums, at + 3 * LANES);
    }
}
