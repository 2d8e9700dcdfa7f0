package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.DOUBLES;
import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What a law over a large vocabulary needs of arrays, in vectors: the largest logit, exponentials in double,
 * the entries above a bound. Bits do not depend on the vectors' width, nor on whether the compiler has come
 * yet; the exponential is within 2 ulp.
 */
public final class Exponentials {
    /** Below this exp is taken for 0. */
    static final double LOWEST = -700;

    private static final VectorSpecies<Float> HALF =
            VectorSpecies.of(float.class, jdk.incubator.vector.VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
    private static final int WIDTH = DOUBLES.length();

    // exp(x) = 2^n · exp(r), r = x - n·ln 2 in two parts, |r| <= ln 2 / 2; exp(r) by its Taylor series, whose
    // next term is below 2^-57.
    private static final double LOG2E = 1.4426950408889634, ROUND = 0x1.8p52;
    private static final double LN2_HIGH = -0x1.62e42fefa3800p-1, LN2_LOW = -0x1.ef35793c76730p-45;
    private static final double[] SERIES = series();

    // One by one: out of an array the compiler would fetch them anew for every vector, as objects.
    private static final DoubleVector S0 = term(0), S1 = term(1), S2 = term(2), S3 = term(3), S4 = term(4);
    private static final DoubleVector S5 = term(5), S6 = term(6), S7 = term(7), S8 = term(8), S9 = term(9);
    private static final DoubleVector S10 = term(10), S11 = term(11), S12 = term(12), S13 = term(13);
    private static final DoubleVector LOG2ES = all(LOG2E), ROUNDS = all(ROUND);
    private static final DoubleVector LN2_HIGHS = all(LN2_HIGH), LN2_LOWS = all(LN2_LOW), LOWESTS = all(LOWEST);

    private Exponentials() {}

    // 1/13! down to 1/0!.
    private static double[] series() {
        double[] series = new double[14];
        double factorial = 1;
        for (int k = 0; k < series.length; k++) {
            series[series.length - 1 - k] = 1 / factorial;
            factorial *= k + 1;
        }
        return series;
    }

    private static DoubleVector term(int k) {
        return all(SERIES[k]);
    }

    private static DoubleVector all(double value) {
        return DoubleVector.broadcast(DOUBLES, value);
    }

    /** The largest value; NaN if one is. */
    public static float max(float[] values) {
        return maxRow(values);
    }

    private static float maxRow(float[] values) {
        FloatVector most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        int whole = Lanes.whole(values.length);
        for (int i = 0; i < whole; i += LANES) most = most.max(FloatVector.fromArray(FLOATS, values, i));
        float max = most.reduceLanes(VectorOperators.MAX);
        for (int i = whole; i < values.length; i++) max = Math.max(max, values[i]);
        return max;
    }

    /**
     * weights[i] = exp((logits[i] - max) · factor), 0 below e^-700.
     *
     * @return their sum
     */
    public static double weigh(float[] logits, double[] weights, double max, double factor) {
        weightsRow(logits, weights, max, factor);
        return sum(weights, logits.length);
    }

    private static void weightsRow(float[] logits, double[] weights, double max, double factor) {
        int whole = logits.length / WIDTH * WIDTH;
        for (int i = 0; i < whole; i += WIDTH) {
            DoubleVector x =
                    (DoubleVector) FloatVector.fromArray(HALF, logits, i).convertShape(VectorOperators.F2D, DOUBLES, 0);
            exp(x.sub(max).mul(factor)).intoArray(weights, i);
        }
        for (int i = whole; i < logits.length; i++) weights[i] = exp((logits[i] - max) * factor);
    }

    private static DoubleVector exp(DoubleVector x) {
        DoubleVector clamped = x.max(LOWESTS), shifted = clamped.fma(LOG2ES, ROUNDS), n = shifted.sub(ROUNDS);
        DoubleVector r = n.fma(LN2_LOWS, n.fma(LN2_HIGHS, clamped));
        DoubleVector y =
                S0.fma(r, S1).fma(r, S2).fma(r, S3).fma(r, S4).fma(r, S5).fma(r, S6);
        y = y.fma(r, S7)
                .fma(r, S8)
                .fma(r, S9)
                .fma(r, S10)
                .fma(r, S11)
                .fma(r, S12)
                .fma(r, S13);
        LongVector exponent = shifted.reinterpretAsLongs().lanewise(VectorOperators.LSHL, 52);
        return y.reinterpretAsLongs()
                .add(exponent)
                .reinterpretAsDoubles()
                .blend(0, x.compare(VectorOperators.LT, LOWEST));
    }

    /** The same bits as the vectors'. */
    static double exp(double x) {
        if (x < LOWEST) return 0;
        double shifted = Math.fma(x, LOG2E, ROUND), n = shifted - ROUND;
        double r = Math.fma(n, LN2_LOW, Math.fma(n, LN2_HIGH, x));
        double y = SERIES[0];
        for (int k = 1; k < SERIES.length; k++) y = Math.fma(y, r, SERIES[k]);
        return Double.longBitsToDouble(Double.doubleToRawLongBits(y) + (Double.doubleToRawLongBits(shifted) << 52));
    }

    /** The sum of the first n, as eight sums side by side whatever the width of vectors. */
    public static double sum(double[] x, int n) {
        double a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
        int i = 0;
        for (; i + 8 <= n; i += 8) {
            a += x[i];
            b += x[i + 1];
            c += x[i + 2];
            d += x[i + 3];
            e += x[i + 4];
            f += x[i + 5];
            g += x[i + 6];
            h += x[i + 7];
        }
        for (; i < n; i++) a += x[i];
        return ((a + b) + (c + d)) + ((e + f) + (g + h));
    }

    /**
     * Ids and weights of those that are at least {@code least} and above 0, in the order of ids.
     *
     * @return how many
     */
    public static int atLeast(double[] weights, double least, int[] ids, double[] found) {
        return atLeastRow(weights, least, ids, found);
    }

    private static int atLeastRow(double[] weights, double least, int[] ids, double[] found) {
        int count = 0, whole = weights.length / WIDTH * WIDTH;
        for (int i = 0; i < weights.length; i += WIDTH) {
            if (i < whole
                    && !DoubleVector.fromArray(DOUBLES, weights, i)
                            .compare(VectorOperators.GE, least)
                            .anyTrue()) continue;
            for (int j = i; j < Math.min(i + WIDTH, weights.length); j++) {
                if (weights[j] < least || weights[j] == 0) continue;
                ids[count] = j;
                found[count++] = weights[j];
            }
        }
        return count;
    }

    /** The first index from {@code from} on whose value is above {@code bound}; the length if there is none. */
    public static int above(float[] values, int from, float bound) {
        return aboveRow(values, from, bound);
    }

    private static int aboveRow(float[] values, int from, float bound) {
        int i = from;
        for (; i + LANES <= values.length; i += LANES) {
            if (FloatVector.fromArray(FLOATS, values, i)
                    .compare(VectorOperators.GT, bound)
                    .anyTrue()) break;
        }
        while (i < values.length && !(values[i] > bound)) i++;
        return i;
    }
}
