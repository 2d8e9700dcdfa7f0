package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Narrowing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Values of any stored type in native memory, as the kernels read them: floats and bfloat16 in rows, matrices
 * in tiles.
 */
final class Converted {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Converted() {}

    /** A copy of the tensor as {@code as}: F32 or BF16, in rows. */
    static Buffer rows(CpuDevice device, Tensor tensor, DType as) {
        Buffer copy = device.allocate(as, tensor.elements());
        switch (as) {
            case F32 ->
                Elementwise.each(device.threads(), tensor.elements(), (at, n) -> {
                    floats(tensor, at, copy.address() + 4 * at, n);
                });
            case BF16 ->
                Elementwise.each(device.threads(), tensor.elements(), (at, n) -> {
                    bf16(tensor, at, copy.address() + 2 * at, n);
                });
            default -> throw new IllegalArgumentException("weights of type " + as);
        }
        return copy;
    }

    /** Writes elements from .. from + count - 1 of the tensor to an address. */
    static void floats(Tensor tensor, long from, long to, int count) {
        switch (tensor.dtype()) {
            case F16 -> halves(tensor, from, to, count);
            case F32 -> MemorySegment.copy(tensor.data(), 4 * from, Lanes.ALL, to, 4L * count);
            default -> {
                for (int i = 0; i < count; i++) Lanes.set(to + 4L * i, (float) tensor.value(from + i));
            }
        }
    }

    private static void halves(Tensor tensor, long from, long to, int count) {
        for (int i = 0; i < count; i++) {
            Lanes.set(to + 4L * i, Float.float16ToFloat(tensor.data().get(HALF, 2 * (from + i))));
        }
    }

    private static void bf16(Tensor tensor, long from, long to, int count) {
        for (int i = 0; i < count; i++) {
            Lanes.ALL.set(
                    ValueLayout.JAVA_SHORT_UNALIGNED, to + 2L * i, Narrowing.bf16((float) tensor.value(from + i)));
        }
    }

    /** A copy of a matrix as F32, BF16 or I8, in tiles; outputs that fill up the last tile have weights of 0. */
    static Buffer tiles(CpuDevice device, Tensor tensor, DType as) {
        int in = Math.toIntExact(tensor.shape()[1]), out = Math.toIntExact(tensor.shape()[0]);
        Layout.Tiles layout = Tiles.layout(in);
        Buffer copy = device.allocate(as, tensor.elements(), layout);
        device.threads().split(Tiles.count(out), (first, last) -> {
            try (Arena arena = Arena.ofConfined()) {
                long floats = arena.allocate(4L * in, 64).address(),
                        row = arena.allocate(4L * in, 64).address();
                for (int o = first * Tiles.OUTS; o < Math.min(last * Tiles.OUTS, out); o++) {
                    long tile = copy.address() + o / Tiles.OUTS * layout.stride(as);
                    floats(tensor, (long) o * in, floats, in);
                    boolean fits = Tiles.put(tile, as, o % Tiles.OUTS, floats, in, row);
                    if (!fits) throw Narrowing.unfit(tensor.name(), o);
                }
            }
        });
        return copy;
    }
}
