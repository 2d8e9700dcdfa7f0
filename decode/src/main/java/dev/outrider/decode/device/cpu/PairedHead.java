package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Attention of heads so narrow that one vector holds two entries, as D = 8 where vectors have 16 lanes. The
 * last of an odd number of entries is taken by itself.
 */
final class PairedHead {
    private static final int D = LANES / 2;
    private static final VectorShuffle<Float> BY_HALF = exchange(D / 2), BY_QUARTER = exchange(D / 4);
    private static final VectorShuffle<Float> BY_EIGHTH = exchange(D / 8);
    private static final VectorShuffle<Float> SPREAD = VectorShuffle.fromOp(FLOATS, i -> i / D);

    private PairedHead() {}

    static boolean holds(int headDim) {
        return headDim == D;
    }

    private static VectorShuffle<Float> exchange(int distance) {
        return VectorShuffle.fromOp(FLOATS, i -> i ^ distance);
    }

    /** scores[j] = q · key j · scale; the LANES values from {@code scratch} on are overwritten. */
    static void score(float[] scores, int scratch, long q, long keys, int n, float scale) {
        FloatVector query = twice(scores, scratch, q);
        int even = n & -2;
        for (int j = 0; j < even; j += 2) {
            dots(query.mul(Lanes.load(keys + 4L * D * j))).mul(scale).intoArray(scores, scratch);
            scores[j] = scores[scratch];
            scores[j + 1] = scores[scratch + D];
        }
        if (even < n) scores[even] = dot(q, keys + 4L * D * even) * scale;
    }

    private static FloatVector twice(float[] scores, int scratch, long q) {
        for (int i = 0; i < LANES; i++) scores[scratch + i] = Lanes.get(q + 4L * (i % D));
        return FloatVector.fromArray(FLOATS, scores, scratch);
    }

    // In the first lane of either entry the sum of its products.
    private static FloatVector dots(FloatVector products) {
        FloatVector v = products.add(products.rearrange(BY_HALF));
        if (D > 2) v = v.add(v.rearrange(BY_QUARTER));
        if (D > 4) v = v.add(v.rearrange(BY_EIGHTH));
        return v;
    }

    private static float dot(long q, long key) {
        float sum = 0;
        for (int d = 0; d < D; d++) sum = Math.fma(Lanes.get(q + 4L * d), Lanes.get(key + 4L * d), sum);
        return sum;
    }

    /** out = the sum of weights[j] · value j, times factor; the LANES values from {@code scratch} on are overwritten. */
    static void mix(float[] weights, int scratch, long out, long values, int n, float factor) {
        int even = n & -2;
        sums(weights, values, even).intoArray(weights, scratch);
        for (int d = 0; d < D; d++) {
            float sum = weights[scratch + d] + weights[scratch + D + d];
            if (even < n) sum = Math.fma(Lanes.get(values + 4L * (D * even + d)), weights[even], sum);
            Lanes.set(out + 4L * d, sum * factor);
        }
    }

    private static FloatVector sums(float[] weights, long values, int even) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int j = 0; j < even; j += 2) {
            FloatVector each = FloatVector.fromArray(FLOATS, weights, j).rearrange(SPREAD);
            sum = Lanes.load(values + 4L * D * j).fma(each, sum);
        }
        return sum;
    }
}
