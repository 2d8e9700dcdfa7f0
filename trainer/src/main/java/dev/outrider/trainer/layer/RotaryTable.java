package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;

/** cos and sin of position times frequency, for as many positions as were asked for. */
final class RotaryTable implements AutoCloseable {
    private final Scratch memory;
    private final Device device;
    private double[] frequencies = {};
    private int positions;

    RotaryTable(Device device) {
        this.device = device;
        memory = new Scratch(device);
    }

    /** [positions, D/2] of cos, then of sin, for at least {@code count} positions. */
    Buffer of(double[] frequencies, int count) {
        if (count > positions || !Arrays.equals(frequencies, this.frequencies)) make(frequencies, count);
        return memory.of(2L * positions * frequencies.length);
    }

    /** Rows of the table given last. */
    int positions() {
        return positions;
    }

    private void make(double[] frequencies, int count) {
        float[] values = values(frequencies, count);
        this.frequencies = frequencies;
        positions = count;
        device.upload(values, 0, memory.of(values.length), values.length);
    }

    /** The table on the heap. */
    static float[] values(double[] frequencies, int count) {
        int half = frequencies.length;
        float[] table = new float[2 * count * half];
        for (int i = 0; i < count * half; i++) {
            double angle = i / half * frequencies[i % half];
            table[i] = (float) Math.cos(angle);
            table[count * half + i] = (float) Math.sin(angle);
        }
        return table;
    }

    @Override
    public void close() {
        memory.close();
        positions = 0;
    }
}
