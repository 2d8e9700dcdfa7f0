package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Values of heads so narrow that one vector holds two entries, as D = 8 where vectors have 16 lanes. The
 * last of an odd number of entries is taken by itself.
 */
final class PairedHead {
    private static final int D = LANES / 2;
    private static final VectorShuffle<Float> SPREAD = VectorShuffle.fromOp(FLOATS, i -> i / D);

    private PairedHead() {}

    static boolean holds(int headDim) {
        return headDim == D;
    }

    /** out = the sum of weights[from + j] · value j; the LANES values from {@code scratch} on are overwritten. */
    static void mix(float[] weights, int from, int scratch, long out, long values, int n) {
        int even = n & -2;
        sums(weights, from, values, even).intoArray(weights, scratch);
        for (int d = 0; d < D; d++) {
            float sum = weights[scratch + d] + weights[scratch + D + d];
            if (even < n) sum = Math.fma(Lanes.get(values + 4L * (D * even + d)), weights[from + even], sum);
            Lanes.set(out + 4L * d, sum);
        }
    }

    private static FloatVector sums(float[] weights, int from, long values, int even) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int j = 0; j < even; j += 2) {
            FloatVector each = FloatVector.fromArray(FLOATS, weights, from + j).rearrange(SPREAD);
            sum = Lanes.load(values + 4L * D * j).fma(each, sum);
        }
        return sum;
    }
}
