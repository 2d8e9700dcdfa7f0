package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.SkinnyTile.ALL;
import static dev.outrider.decode.device.cpu.SkinnyTile.FLOATS;
import static dev.outrider.decode.device.cpu.SkinnyTile.LANES;
import static dev.outrider.decode.device.cpu.SkinnyTile.ORDER;
import static dev.outrider.decode.device.cpu.SkinnyTile.floats;
import static dev.outrider.decode.device.cpu.SkinnyTile.value;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** One query against n cached entries; the arithmetic of {@link CachedAttention}. */
final class AttentionRow {
    private static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    // Cephes' expf: e^x = 2^k · e^r, k = round(x / ln 2), |r| <= ln 2 / 2; ln 2 in two parts.
    private static final float LOWEST = -87.3f, LOG2E = 1.44269504f, ROUND = 0x1.8p23f;
    private static final float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
    private static final float P0 = 1.9875691500e-4f, P1 = 1.3981999507e-3f, P2 = 8.3334519073e-3f;
    private static final float P3 = 4.1665795894e-2f, P4 = 1.6666665459e-1f, P5 = 5.0000001201e-1f;

    private AttentionRow() {}

    /** Length of the scratch that {@link #attend} needs for up to {@code capacity} entries. */
    static int scratch(int capacity) {
        return padded(capacity) + LANES;
    }

    private static int padded(int n) {
        return (n + LANES - 1) / LANES * LANES;
    }

    /** out[D] = softmax(q·K / √D) · V over n entries; scores is scratch. */
    static void attend(float[] scores, long out, long q, long keys, long values, int n, int headDim) {
        score(scores, q, keys, n, headDim, (float) (1 / Math.sqrt(headDim)));
        int padded = padded(n);
        for (int j = n; j < padded; j++) scores[j] = Float.NEGATIVE_INFINITY;
        float sum = exponentials(scores, padded, max(scores, padded));
        mix(scores, out, values, n, headDim, 1 / sum);
    }

    private static void score(float[] scores, long q, long keys, int n, int headDim, float scale) {
        for (int j = 0; j < n; j++) scores[j] = dot(q, keys + 4L * headDim * j, headDim) * scale;
    }

    private static float dot(long q, long key, int headDim) {
        float sum = 0;
        for (int d = 0; d < headDim; d++) sum = Math.fma(value(q + 4L * d), value(key + 4L * d), sum);
        return sum;
    }

    private static float max(float[] scores, int padded) {
        FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int j = 0; j < padded; j += LANES) max = max.max(FloatVector.fromArray(FLOATS, scores, j));
        return max.reduceLanes(VectorOperators.MAX);
    }

    // scores becomes exp(scores - max); returns the sum. Past the entries it is e^-87, lost in a sum >= 1.
    private static float exponentials(float[] scores, int padded, float max) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int j = 0; j < padded; j += LANES) {
            FloatVector e = exp(FloatVector.fromArray(FLOATS, scores, j).sub(max));
            e.intoArray(scores, j);
            sum = sum.add(e);
        }
        sum.intoArray(scores, padded);
        return SkinnyProduct.folded(scores, padded);
    }

    // For x <= 0; below LOWEST as LOWEST.
    private static FloatVector exp(FloatVector x) {
        FloatVector y = x.max(LOWEST);
        FloatVector k = y.lanewise(VectorOperators.MUL, LOG2E).add(ROUND).sub(ROUND);
        FloatVector r = k.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), y);
        return polynomial(k.fma(FloatVector.broadcast(FLOATS, -LN2_LOW), r)).mul(power(k));
    }

    private static FloatVector polynomial(FloatVector r) {
        FloatVector p = FloatVector.broadcast(FLOATS, P0).fma(r, FloatVector.broadcast(FLOATS, P1));
        p = p.fma(r, FloatVector.broadcast(FLOATS, P2)).fma(r, FloatVector.broadcast(FLOATS, P3));
        p = p.fma(r, FloatVector.broadcast(FLOATS, P4)).fma(r, FloatVector.broadcast(FLOATS, P5));
        return p.fma(r.mul(r), r.add(1f));
    }

    private static FloatVector power(FloatVector k) {
        IntVector i = (IntVector) k.convertShape(VectorOperators.F2I, INTS, 0);
        return i.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    }

    private static void mix(float[] weights, long out, long values, int n, int headDim, float factor) {
        int d = 0;
        for (; d + LANES <= headDim; d += LANES) vector(weights, out + 4L * d, values + 4L * d, n, headDim, factor);
        for (; d < headDim; d++) element(weights, out + 4L * d, values + 4L * d, n, headDim, factor);
    }

    private static void vector(float[] weights, long out, long values, int n, int stride, float factor) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int j = 0; j < n; j++) {
            sum = floats(values + 4L * stride * j).fma(FloatVector.broadcast(FLOATS, weights[j]), sum);
        }
        sum.mul(factor).intoMemorySegment(ALL, out, ORDER);
    }

    private static void element(float[] weights, long out, long values, int n, int stride, float factor) {
        float sum = 0;
        for (int j = 0; j < n; j++) sum = Math.fma(value(values + 4L * stride * j), weights[j], sum);
        ALL.set(FLOAT, out, sum * factor);
    }
}
