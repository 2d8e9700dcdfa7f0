package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.RotaryTable;
import java.util.Arrays;

/** The rotary table that the blocks share, remade only when more positions are asked for. */
final class RotaryAngles implements AutoCloseable {
    private final Device device;
    private Buffer table;
    private double[] frequencies = {};
    private int positions;

    RotaryAngles(Device device) {
        this.device = device;
    }

    /** For at least {@code count} positions, as {@link Device#rope} takes it. */
    Buffer table(double[] frequencies, int count) {
        if (count > positions || !Arrays.equals(frequencies, this.frequencies)) make(frequencies, count);
        return table;
    }

    /** Rows of the table given last. */
    int positions() {
        return positions;
    }

    private void make(double[] frequencies, int count) {
        close();
        table = RotaryTable.of(device, frequencies, count);
        this.frequencies = frequencies;
        positions = count;
    }

    @Override
    public void close() {
        if (table != null) device.free(table);
        table = null;
        positions = 0;
    }
}
