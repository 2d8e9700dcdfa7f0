package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;

/** Buffers for kernel tests, without a device. */
final class Native implements AutoCloseable {
    private final Arena arena = Arena.ofShared();

    Buffer of(float... values) {
        MemorySegment memory = arena.allocate(Math.max(4L * values.length, 4), 64);
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
        return new Buffer(DType.F32, memory.address(), values.length);
    }

    Buffer zeros(int count) {
        return of(new float[count]);
    }

    /** Standard normal values times scale. */
    Buffer normal(RandomGenerator random, int count, double scale) {
        return of(dev.outrider.checkpoints.Seeds.normal(random, count, scale));
    }

    /** The upper halves of the values. */
    Buffer bf16(Buffer values) {
        float[] from = floats(values);
        MemorySegment memory = arena.allocate(Math.max(2L * from.length, 4), 64);
        for (int i = 0; i < from.length; i++) {
            memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(from[i]) >>> 16));
        }
        return new Buffer(DType.BF16, memory.address(), from.length);
    }

    /** The values in rows of {@code in}, a multiple of the group, quantised. */
    Buffer int8(Buffer values, int in) {
        Buffer rows = new Buffer(
                DType.I8,
                arena.allocate(Buffer.bytes(DType.I8, values.elements()) + 8, 64)
                        .address(),
                values.elements());
        for (long i = 0; i < values.elements(); i += in) {
            Int8Rows.quantise(rows.slice(i, in).address(), values.address() + 4 * i, in);
        }
        return rows;
    }

    static float[] floats(Buffer buffer) {
        float[] out = new float[Math.toIntExact(buffer.elements())];
        for (int i = 0; i < out.length; i++) out[i] = value(buffer, i);
        return out;
    }

    static float value(Buffer buffer, long i) {
        long at = buffer.address() + i * buffer.type().bytes;
        return buffer.type() == DType.F32
                ? Lanes.get(at)
                : Float.intBitsToFloat(Lanes.ALL.get(ValueLayout.JAVA_SHORT, at) << 16);
    }

    @Override
    public void close() {
        arena.close();
    }
}
