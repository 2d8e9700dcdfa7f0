package dev.outrider.decode.device.cpu;

import dev.outrider.decode.device.Narrowing;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * What all kernels share: native memory under absolute addresses, vectors of the machine's own width, and
 * an exponential. Scalar and vector forms of one operation give the same bits, so it does not matter
 * where in a row the whole vectors end. Reductions are spelt out, because reduceLanes leaves its order
 * open and interpreter and compiler differ.
 *
 * <p>Methods called ...Row hold one loop over vectors each, and jvm.options keeps the compiler from inlining
 * them: together they exceed its limit of nodes, and past that it makes an object of every vector.
 */
final class Lanes {
    /** All of memory: the offset is the address. */
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    static final int LANES = FLOATS.length();
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    private static final VectorShape HALF = VectorShape.forBitSize(FLOATS.vectorBitSize() / 2);
    private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, HALF);
    private static final VectorSpecies<Float> HALF_FLOATS = VectorSpecies.of(float.class, HALF);
    static final VectorSpecies<Double> DOUBLES = VectorSpecies.of(double.class, FLOATS.vectorShape());

    private static final VectorShuffle<Float> BY_HALF = exchange(LANES / 2), BY_QUARTER = exchange(LANES / 4);
    private static final VectorShuffle<Float> BY_EIGHTH = exchange(LANES / 8), BY_SIXTEENTH = exchange(LANES / 16);
    private static final FloatVector INDEX = FloatVector.zero(FLOATS).addIndex(1);

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private static final IntVector F16_BITS = IntVector.broadcast(INTS, 0x8fffe000);
    private static final FloatVector F16_BIAS = all(0x1p112f);

    // exp(x) = 2^n · exp(r), r = x - n·ln 2 in two parts; polynomial of Cephes' expf.
    static final float LOWEST = -87.33654f, HIGHEST = 88.02f;
    private static final float LOG2E = 1.44269504f, ROUND = 12582912f;
    private static final float LN2_HIGH = -0.693359375f, LN2_LOW = 2.12194440e-4f;
    private static final float C5 = 1.9875691500e-4f, C4 = 1.3981999507e-3f, C3 = 8.3334519073e-3f;
    private static final float C2 = 4.1665795894e-2f, C1 = 1.6666665459e-1f, C0 = 5.0000001201e-1f;

    // As vectors: made beforehand they cost the compiler half the nodes.
    static final FloatVector ONE = all(1), ZERO = all(0);
    private static final FloatVector LOWESTS = all(LOWEST), HIGHESTS = all(HIGHEST), LOG2ES = all(LOG2E);
    private static final FloatVector ROUNDS = all(ROUND), LN2_HIGHS = all(LN2_HIGH), LN2_LOWS = all(LN2_LOW);
    private static final FloatVector C5S = all(C5), C4S = all(C4), C3S = all(C3);
    private static final FloatVector C2S = all(C2), C1S = all(C1), C0S = all(C0);

    private Lanes() {}

    /** The largest multiple of the vector length that is not above n. */
    static int whole(int n) {
        return n & -LANES;
    }

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, address, ORDER);
    }

    static void store(FloatVector v, long address) {
        v.intoMemorySegment(ALL, address, ORDER);
    }

    /** LANES values of bf16 as floats. */
    static FloatVector loadBf16(long address) {
        IntVector bits = (IntVector)
                ShortVector.fromMemorySegment(SHORTS, ALL, address, ORDER).convertShape(VectorOperators.S2I, INTS, 0);
        return bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /**
     * LANES values of float16 as floats, exactly: their bits where a float has them, times 2^112 for the other bias.
     * Infinities and NaN become numbers from 65536 on: weights have none.
     */
    static FloatVector loadF16(long address) {
        IntVector bits = (IntVector)
                ShortVector.fromMemorySegment(SHORTS, ALL, address, ORDER).convertShape(VectorOperators.S2I, INTS, 0);
        // The sign fills the upper bits; of them bit 31 stays.
        IntVector placed = bits.lanewise(VectorOperators.LSHL, 13).lanewise(VectorOperators.AND, F16_BITS);
        return placed.reinterpretAsFloats().mul(F16_BIAS);
    }

    /** LANES / 2 floats as doubles. */
    static DoubleVector loadDoubles(long address) {
        return (DoubleVector) FloatVector.fromMemorySegment(HALF_FLOATS, ALL, address, ORDER)
                .convertShape(VectorOperators.F2D, DOUBLES, 0);
    }

    static float get(long address) {
        return ALL.get(FLOAT, address);
    }

    static void set(long address, float value) {
        ALL.set(FLOAT, address, value);
    }

    static float getBf16(long address) {
        return Float.intBitsToFloat(ALL.get(SHORT, address) << 16);
    }

    static float getF16(long address) {
        return Float.float16ToFloat(ALL.get(SHORT, address));
    }

    /** LANES floats as bf16: the nearest, the even one of two; NaN stays NaN. */
    static void storeBf16(FloatVector v, long address) {
        IntVector bits = v.reinterpretAsInts();
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        IntVector nearest = bits.add(odd).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
        IntVector all = nearest.blend(0x7fc0, v.test(VectorOperators.IS_NAN).cast(INTS));
        ((ShortVector) all.convertShape(VectorOperators.I2S, SHORTS, 0)).intoMemorySegment(ALL, address, ORDER);
    }

    /** As {@link #storeBf16}. */
    static void setBf16(long address, float value) {
        ALL.set(SHORT, address, Float.isNaN(value) ? 0x7fc0 : Narrowing.bf16(value));
    }

    /** Adds lanes half a vector apart, then a quarter, and so on. */
    static float sum(FloatVector v) {
        FloatVector s = v.add(v.rearrange(BY_HALF));
        s = s.add(s.rearrange(BY_QUARTER));
        if (LANES > 4) s = s.add(s.rearrange(BY_EIGHTH));
        if (LANES > 8) s = s.add(s.rearrange(BY_SIXTEENTH));
        return s.lane(0);
    }

    private static VectorShuffle<Float> exchange(int distance) {
        return VectorShuffle.fromOp(FLOATS, i -> i ^ distance);
    }

    /** The first n lanes of v, and otherwise in the others. */
    static FloatVector first(int n, FloatVector v, float otherwise) {
        return v.blend(otherwise, INDEX.compare(VectorOperators.GE, (float) n));
    }

    static double sum(DoubleVector v) {
        double sum = 0;
        for (int l = 0; l < DOUBLES.length(); l++) sum += v.lane(l);
        return sum;
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    /** exp within 2 ulp; not below exp(-87.3), not above exp(88); NaN stays NaN. */
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(LOWESTS).min(HIGHESTS), shifted = clamped.fma(LOG2ES, ROUNDS);
        FloatVector n = shifted.sub(ROUNDS), r = n.fma(LN2_LOWS, n.fma(LN2_HIGHS, clamped));
        FloatVector y = C5S.fma(r, C4S).fma(r, C3S).fma(r, C2S).fma(r, C1S).fma(r, C0S);
        y = y.fma(r.mul(r), r).add(ONE);
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return y.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    }

    /** The same bits as {@link #exp(FloatVector)}. */
    static float exp(float x) {
        float clamped = Math.min(Math.max(x, LOWEST), HIGHEST);
        float shifted = Math.fma(clamped, LOG2E, ROUND), n = shifted - ROUND;
        float r = Math.fma(n, LN2_LOW, Math.fma(n, LN2_HIGH, clamped));
        float y = Math.fma(r, C5, C4);
        y = Math.fma(Math.fma(Math.fma(Math.fma(y, r, C3), r, C2), r, C1), r, C0);
        y = Math.fma(y, r * r, r) + 1f;
        return Float.intBitsToFloat(Float.floatToRawIntBits(y) + (Float.floatToRawIntBits(shifted) << 23));
    }
}
