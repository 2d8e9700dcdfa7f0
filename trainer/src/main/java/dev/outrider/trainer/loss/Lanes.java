package dev.outrider.trainer.loss;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the loss kernels share: rows copied between native memory and padded arrays, and exp and log1p of
 * vectors. Nothing here depends on whether the code is interpreted or compiled (which reduceLanes and the
 * library's own exp do), so a resumed run repeats the bits of an uninterrupted one.
 */
final class Lanes {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    static final int LANES = FLOATS.length();

    /** So many elements are summed in float before the sum goes on in double. */
    static final int BLOCK = 64 * LANES;

    /** A logit, or log-probability, of nothing: finite, so that 0 times it is 0. */
    static final float NOTHING = -1e30f;

    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    // exp(x) = 2^n · exp(r), r = x - n·ln 2 in two parts; polynomial of Cephes' expf.
    private static final float LOWEST = -87.33654f;
    private static final float LOG2E = 1.44269504f;
    private static final float ROUND = 12582912f, LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
    private static final float C5 = 1.9875691500e-4f, C4 = 1.3981999507e-3f, C3 = 8.3334519073e-3f;
    private static final float C2 = 4.1665795894e-2f, C1 = 1.6666665459e-1f, C0 = 5.0000001201e-1f;

    // Chebyshev interpolation, error 8e-9.
    private static final float L4 = 0.140788898f, L3 = 0.139825791f, L2 = 0.200122982f, L1 = 0.333331615f;

    private Lanes() {}

    /** The smallest whole number of vectors that holds n elements, in elements. */
    static int padded(int n) {
        return (n + LANES - 1) / LANES * LANES;
    }

    static void read(long address, float[] row, int count) {
        MemorySegment.copy(ALL, FLOAT, address, row, 0, count);
    }

    static void write(float[] row, int count, long address) {
        MemorySegment.copy(row, 0, ALL, FLOAT, address, count);
    }

    static FloatVector at(float[] row, int i) {
        return FloatVector.fromArray(FLOATS, row, i);
    }

    static FloatVector zero() {
        return FloatVector.zero(FLOATS);
    }

    /** Sum of the lanes, first to last; scratch holds a vector. */
    static double sum(FloatVector v, float[] scratch) {
        v.intoArray(scratch, 0);
        double sum = 0;
        for (int i = 0; i < LANES; i++) sum += scratch[i];
        return sum;
    }

    /** exp within 2 ulp for x up to 88; 0 below -87.3; NaN stays NaN. */
    static FloatVector exp(FloatVector x) {
        VectorMask<Float> gone = x.compare(VectorOperators.LT, LOWEST);
        FloatVector shifted = x.fma(all(LOG2E), all(ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(all(-LN2_LOW), n.fma(all(-LN2_HIGH), x));
        FloatVector y = r.fma(all(C5), all(C4))
                .fma(r, all(C3))
                .fma(r, all(C2))
                .fma(r, all(C1))
                .fma(r, all(C0));
        y = y.fma(r.mul(r), r).add(1f);
        var power = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return y.reinterpretAsInts().add(power).reinterpretAsFloats().blend(0f, gone);
    }

    /** log(1 + x) for x in [0, 1], within 3 ulp: 2 atanh(s), s = x / (2 + x), atanh(s) / s a polynomial in s² ≤ 1/9. */
    static FloatVector log1p(FloatVector x) {
        FloatVector s = x.div(x.add(2f)), z = s.mul(s);
        FloatVector y = z.fma(all(L4), all(L3)).fma(z, all(L2)).fma(z, all(L1)).fma(z, all(1f));
        return y.mul(s.add(s));
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }
}
