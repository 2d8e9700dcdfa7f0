package dev.outrider.trainer.telemetry;

import dev.outrider.checkpoints.DiskFailures;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Scalars as TensorBoard event files: TFRecord framing (length, masked CRC-32C, data, masked CRC-32C)
 * around {@code Event} messages, protocol buffers written by hand since four fields are all they have.
 */
public final class TensorBoard implements Metrics {
    // Field number << 3 | wire type (0 varint, 1 fixed 64, 2 bytes, 5 fixed 32).
    private static final int WALL_TIME = 1 << 3 | 1, STEP = 2 << 3, VERSION = 3 << 3 | 2, SUMMARY = 5 << 3 | 2;
    private static final int VALUE = 1 << 3 | 2, TAG = 1 << 3 | 2, SIMPLE_VALUE = 2 << 3 | 5;
    private final Path file;
    private final OutputStream out;

    /** @param folder gets one file named events.out.tfevents.TIME.outrider */
    public TensorBoard(Path folder) {
        file = folder.resolve("events.out.tfevents." + System.currentTimeMillis() / 1000 + ".outrider");
        try {
            Files.createDirectories(folder);
            out = Files.newOutputStream(file);
            ByteArrayOutputStream event = event(0);
            bytes(event, VERSION, "brain.Event:2".getBytes(StandardCharsets.US_ASCII));
            frame(event.toByteArray());
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }

    @Override
    public void record(long step, Map<String, Double> values) {
        ByteArrayOutputStream summary = new ByteArrayOutputStream();
        values.forEach((tag, value) -> bytes(summary, VALUE, value(tag, value.floatValue())));
        ByteArrayOutputStream event = event(step);
        bytes(event, SUMMARY, summary.toByteArray());
        try {
            frame(event.toByteArray());
            out.flush();
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }

    private static ByteArrayOutputStream event(long step) {
        ByteArrayOutputStream event = new ByteArrayOutputStream();
        event.write(WALL_TIME);
        event.writeBytes(little(8).putDouble(System.currentTimeMillis() / 1e3).array());
        event.write(STEP);
        varint(event, step);
        return event;
    }

    private static byte[] value(String tag, float value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        bytes(out, TAG, tag.getBytes(StandardCharsets.UTF_8));
        out.write(SIMPLE_VALUE);
        out.writeBytes(little(4).putFloat(value).array());
        return out.toByteArray();
    }

    private static void bytes(ByteArrayOutputStream out, int key, byte[] value) {
        out.write(key);
        varint(out, value.length);
        out.writeBytes(value);
    }

    private static void varint(ByteArrayOutputStream out, long value) {
        for (; (value & ~0x7fL) != 0; value >>>= 7) out.write((int) (value & 0x7f | 0x80));
        out.write((int) value);
    }

    private void frame(byte[] data) throws IOException {
        byte[] length = little(8).putLong(data.length).array();
        out.write(length);
        out.write(little(4).putInt(maskedCrc(length)).array());
        out.write(data);
        out.write(little(4).putInt(maskedCrc(data)).array());
    }

    static int maskedCrc(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        int value = (int) crc.getValue();
        return Integer.rotateRight(value, 15) + 0xa282ead8;
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw DiskFailures.writing(file, e);
        }
    }
}
