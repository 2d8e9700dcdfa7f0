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
    private static final float[] EXP = {
        1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f
    };

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
        FloatVector y = r.fma(all(EXP[0]), all(EXP[1]));
        for (int i = 2; i < EXP.length; i++) y = y.fma(r, all(EXP[i]));
        y = y.fma(r.mul(r), r).add(1f);
        var power = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return y.reinterpretAsInts().add(power).reinterpretAsFloats().blend(0f, gone);
    }

    /** log(1 + x) for x in [0, 1]: 2 atanh(s), s = x / (2 + x), by its series in s² ≤ 1/9. */
    static FloatVector log1p(FloatVector x) {
        FloatVector s = x.div(x.add(2f)), z = s.mul(s), y = all(1 / 13f);
        for (int odd = 11; odd >= 1; odd -= 2) y = y.fma(z, all(1f / odd));
        return y.mul(s).mul(2f);
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }
}
