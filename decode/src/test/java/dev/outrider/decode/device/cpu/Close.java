package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.decode.device.Buffer;

/** Arrays of doubles beside buffers of floats. */
final class Close {
    private Close() {}

    static double[] doubles(Buffer buffer) {
        float[] from = Native.floats(buffer);
        double[] out = new double[from.length];
        for (int i = 0; i < out.length; i++) out[i] = from[i];
        return out;
    }

    /** Every element within tolerance times the largest expected one. */
    static void to(double[] expected, Buffer found, double tolerance) {
        to(expected, doubles(found), tolerance);
    }

    static void to(double[] expected, double[] found, double tolerance) {
        assertThat(found).hasSameSizeAs(expected);
        double largest = 0, worst = 0;
        int at = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double error = Double.isNaN(found[i]) ? Double.POSITIVE_INFINITY : Math.abs(found[i] - expected[i]);
            if (error > worst) {
                worst = error;
                at = i;
            }
        }
        assertThat(worst)
                .as("element %d of %d, the largest being %g", at, expected.length, largest)
                .isLessThanOrEqualTo(tolerance * Math.max(largest, 1e-30));
    }
}
