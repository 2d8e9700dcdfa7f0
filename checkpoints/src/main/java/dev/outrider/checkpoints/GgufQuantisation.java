package dev.outrider.checkpoints;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.Arrays;

/**
 * Writes a tensor as Q8_0: of every 32 values of a row the scale d = max |x| / 127 as float16 and
 * round(x / d), halves away from zero, in a byte each; byte for byte what ggml makes of the same values.
 */
final class GgufQuantisation {
    private static final int BLOCKS = 1 << 12;
    private final ByteBuffer buffer =
            ByteBuffer.allocateDirect(BLOCKS * GgufType.Q8_0.bytes).order(ByteOrder.LITTLE_ENDIAN);
    private final float[] block = new float[GgufType.Q8_0.values];

    /** @throws Failure DATA where a value is not finite, or too large for a scale */
    void write(FileChannel channel, Tensor tensor) throws IOException {
        for (long at = 0; at < tensor.elements(); at += block.length) {
            for (int i = 0; i < block.length; i++) block[i] = (float) tensor.value(at + i);
            put(tensor, at);
            if (buffer.hasRemaining()) continue;
            SafetensorsWriter.writeFully(channel, buffer.flip());
            buffer.clear();
        }
        SafetensorsWriter.writeFully(channel, buffer.flip());
        buffer.clear();
    }

    private void put(Tensor tensor, long at) {
        float most = 0;
        for (float x : block) most = Math.max(most, Math.abs(x));
        float scale = most / 127, inverse = scale == 0 ? 0 : 1 / scale;
        short half = Float.floatToFloat16(scale);
        if (!Float.isFinite(Float.float16ToFloat(half))) throw outOfRange(tensor, at, most);
        buffer.putShort(half);
        for (float x : block) buffer.put((byte) round(x * inverse));
    }

    private static int round(float value) {
        float size = Math.abs(value);
        int whole = (int) size, rounded = size - whole >= 0.5f ? whole + 1 : whole;
        return value < 0 ? -rounded : rounded;
    }

    private static Failure outOfRange(Tensor tensor, long at, float most) {
        return Failure.data(
                "tensor " + tensor.name() + " " + Arrays.toString(tensor.shape()) + ", elements from " + at,
                Float.toString(most),
                "finite values below " + 127 * 65504,
                "Store the model as F32 or BF16.");
    }
}
