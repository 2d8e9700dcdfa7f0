package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;

/**
 * Cosine and sine of position · frequency, computed in double, rounded to F32: [positions, D/2] of cos,
 * then as many of sin, as {@link Device#rope} takes them.
 */
public final class RotaryTable {
    private RotaryTable() {}

    /** Owned by the caller, who gives it back with {@link Device#free}. */
    public static Buffer of(Device device, ModelConfig config, int positions) {
        return of(device, config.inverseFrequencies(), positions);
    }

    /** @param frequencies radians per position of each pair, D/2 */
    public static Buffer of(Device device, double[] frequencies, int positions) {
        int pairs = frequencies.length, half = Math.multiplyExact(positions, pairs);
        float[] table = new float[Math.multiplyExact(2, half)];
        for (int at = 0; at < half; at++) {
            double angle = at / pairs * frequencies[at % pairs];
            table[at] = (float) Math.cos(angle);
            table[half + at] = (float) Math.sin(angle);
        }
        Buffer buffer = device.allocate(DType.F32, table.length);
        device.upload(table, 0, buffer, table.length);
        return buffer;
    }
}
