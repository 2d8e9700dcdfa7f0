package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
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

    /** The values rounded to float16. */
    Buffer f16(Buffer values) {
        float[] from = floats(values);
        MemorySegment memory = arena.allocate(Math.max(2L * from.length, 4), 64);
        for (int i = 0; i < from.length; i++) {
            memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(from[i]));
        }
        return new Buffer(DType.F16, memory.address(), from.length);
    }

    /** A matrix with rows of {@code in}, a multiple of the group, as F32, BF16 or I8 in tiles. */
    Buffer tiles(Buffer values, int in, DType as) {
        Layout.Tiles layout = Tiles.layout(in);
        MemorySegment memory = arena.allocate(layout.bytes(as, values.elements()), 64);
        for (int o = 0; o < values.elements() / in; o++) {
            long tile = memory.address() + o / Tiles.OUTS * layout.stride(as), row = values.address() + 4L * o * in;
            Tiles.put(
                    tile,
                    as,
                    o % Tiles.OUTS,
                    row,
                    in,
                    arena.allocate(4L * in, 4).address());
        }
        return new Buffer(as, memory.address(), values.elements(), layout);
    }

    static float[] floats(Buffer buffer) {
        float[] out = new float[Math.toIntExact(buffer.elements())];
        for (int i = 0; i < out.length; i++) out[i] = value(buffer, i);
        return out;
    }

    static float value(Buffer buffer, long i) {
        long at = buffer.address() + i * buffer.type().bytes;
        return switch (buffer.type()) {
            case F32 -> Lanes.get(at);
            case F16 -> Float.float16ToFloat(Lanes.ALL.get(ValueLayout.JAVA_SHORT, at));
            default -> Float.intBitsToFloat(Lanes.ALL.get(ValueLayout.JAVA_SHORT, at) << 16);
        };
    }

    @Override
    public void close() {
        arena.close();
    }
}
