package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** One query against n cached entries; the arithmetic of {@link CachedAttention}. */
final class AttentionRow {
    private AttentionRow() {}

    /** Length of the scratch that {@link #attend} needs for up to {@code capacity} entries. */
    static int scratch(int capacity) {
        return padded(capacity) + SkinnyTile.OUTS * LANES;
    }

    private static int padded(int n) {
        return (n + LANES - 1) / LANES * LANES;
    }

    /** out[D] = softmax(q·K / √D) · V over n entries; scores is scratch. */
    static void attend(float[] scores, long out, long q, long keys, long values, int n, int headDim) {
        int padded = padded(n);
        float scale = (float) (1 / Math.sqrt(headDim));
        boolean paired = PairedHead.holds(headDim);
        if (paired) PairedHead.score(scores, padded, q, keys, n, scale);
        else score(scores, padded, q, keys, n, headDim, scale);
        for (int j = n; j < padded; j++) scores[j] = Float.NEGATIVE_INFINITY;
        float factor = 1 / exponentials(scores, padded, max(scores, padded));
        if (paired) PairedHead.mix(scores, padded, out, values, n, factor);
        else mix(scores, out, values, n, headDim, factor);
    }

    // Four keys at a time are four outputs of a skinny product.
    private static void score(float[] scores, int sums, long q, long keys, int n, int headDim, float scale) {
        for (int j = 0; j < n; j += SkinnyTile.OUTS) four(scores, sums, j, q, keys, n, headDim, scale);
    }

    private static void four(float[] scores, int sums, int j, long q, long keys, int n, int headDim, float scale) {
        long stride = 4L * headDim, key = keys + stride * j;
        int last = n - 1 - j, count = Math.min(SkinnyTile.OUTS, n - j);
        long second = key + stride * Math.min(1, last), third = key + stride * Math.min(2, last);
        SkinnyProduct.F32.one(scores, sums, headDim, q, key, second, third, key + stride * Math.min(3, last));
        if (headDim % LANES != 0) {
            for (int o = 0; o < count; o++) rest(scores, sums + SkinnyTile.lanes(0, o), q, key + stride * o, headDim);
        }
        SkinnyTile.fold(scores, sums, 0);
        for (int o = 0; o < count; o++) scores[j + o] = scores[sums + SkinnyTile.place(0, o)] * scale;
    }

    private static void rest(float[] sums, int at, long q, long key, int headDim) {
        int whole = headDim - headDim % LANES;
        for (int d = whole; d < headDim; d++) {
            int lane = at + d - whole;
            sums[lane] = Math.fma(Lanes.get(q + 4L * d), Lanes.get(key + 4L * d), sums[lane]);
        }
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
            FloatVector e = Lanes.exp(FloatVector.fromArray(FLOATS, scores, j).sub(max));
            e.intoArray(scores, j);
            sum = sum.add(e);
        }
        sum.intoArray(scores, padded);
        return SkinnyProduct.folded(scores, padded);
    }

    private static void mix(float[] weights, long out, long values, int n, int headDim, float factor) {
        int d = 0;
        for (; d + 4 * LANES <= headDim; d += 4 * LANES)
            vectors(weights, out + 4L * d, values + 4L * d, n, headDim, factor);
        for (; d + LANES <= headDim; d += LANES) vector(weights, out + 4L * d, values + 4L * d, n, headDim, factor);
        for (; d < headDim; d++) element(weights, out + 4L * d, values + 4L * d, n, headDim, factor);
    }

    private static void vectors(float[] weights, long out, long values, int n, int stride, float factor) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        for (int j = 0; j < n; j++) {
            long at = values + 4L * stride * j;
            FloatVector weight = FloatVector.broadcast(FLOATS, weights[j]);
            a = Lanes.load(at).fma(weight, a);
            b = Lanes.load(at + 4L * LANES).fma(weight, b);
            c = Lanes.load(at + 8L * LANES).fma(weight, c);
            d = Lanes.load(at + 12L * LANES).fma(weight, d);
        }
        Lanes.store(a.mul(factor), out);
        Lanes.store(b.mul(factor), out + 4L * LANES);
        Lanes.store(c.mul(factor), out + 8L * LANES);
        Lanes.store(d.mul(factor), out + 12L * LANES);
    }

    private static void vector(float[] weights, long out, long values, int n, int stride, float factor) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int j = 0; j < n; j++) {
            sum = Lanes.load(values + 4L * stride * j).fma(FloatVector.broadcast(FLOATS, weights[j]), sum);
        }
        Lanes.store(sum.mul(factor), out);
    }

    private static void element(float[] weights, long out, long values, int n, int stride, float factor) {
        float sum = 0;
        for (int j = 0; j < n; j++) sum = Math.fma(Lanes.get(values + 4L * stride * j), weights[j], sum);
        Lanes.set(out, sum * factor);
    }

    /** The scalar twin of {@link #attend}, in double: equal but for rounding. */
    static void scalar(long out, long q, long keys, long values, int n, int headDim) {
        double[] weights = new double[n];
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (int j = 0; j < n; j++) {
            for (int d = 0; d < headDim; d++) {
                weights[j] += (double) Lanes.get(q + 4L * d) * Lanes.get(keys + 4L * (headDim * j + d));
            }
            max = Math.max(max, weights[j] /= Math.sqrt(headDim));
        }
        for (int j = 0; j < n; j++) sum += weights[j] = Math.exp(weights[j] - max);
        for (int d = 0; d < headDim; d++) {
            double mixed = 0;
            for (int j = 0; j < n; j++) mixed += weights[j] / sum * Lanes.get(values + 4L * (headDim * j + d));
            Lanes.set(out + 4L * d, (float) mixed);
        }
    }
}
