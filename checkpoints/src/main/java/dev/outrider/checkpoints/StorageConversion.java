package dev.outrider.checkpoints;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.Arrays;

/**
 * Writes a tensor in another floating type, rounding half to even. A finite value that the narrower
 * type cannot hold is refused: an infinity would ruin the model without a word.
 */
final class StorageConversion {
    private static final int ELEMENTS = 1 << 18;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(4 * ELEMENTS).order(ByteOrder.LITTLE_ENDIAN);

    /** @throws Failure DATA where a value is out of the type's range */
    void write(FileChannel channel, Tensor tensor, DType stored) throws IOException {
        for (long at = 0; at < tensor.elements(); at += ELEMENTS) {
            int count = (int) Math.min(ELEMENTS, tensor.elements() - at);
            buffer.clear();
            for (long i = at; i < at + count; i++) put(tensor, i, stored);
            SafetensorsWriter.writeFully(channel, buffer.flip());
        }
    }

    private void put(Tensor tensor, long index, DType stored) {
        float value = (float) tensor.value(index);
        float back = switch (stored) {
            case F32 -> {
                buffer.putFloat(value);
                yield value;
            }
            case F16 -> {
                short bits = Float.floatToFloat16(value);
                buffer.putShort(bits);
                yield Float.float16ToFloat(bits);
            }
            case BF16 -> {
                short bits = bf16(value);
                buffer.putShort(bits);
                yield Float.intBitsToFloat(bits << 16);
            }
            default -> throw new IllegalArgumentException("weights are not stored as " + stored);
        };
        if (Float.isInfinite(back) && Double.isFinite(tensor.value(index))) throw outOfRange(tensor, index, stored);
    }

    /** The upper half of the float's bits, rounded half to even; NaN stays NaN. */
    static short bf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) return (short) (bits >>> 16 | 0x40);
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    private static Failure outOfRange(Tensor tensor, long index, DType stored) {
        return Failure.data(
                "tensor " + tensor.name() + " " + Arrays.toString(tensor.shape()) + ", element " + index,
                Double.toString(tensor.value(index)),
                "a value within the range of " + stored,
                "Store the model as F32 or BF16.");
    }
}
