package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Values of any stored type as floats in native memory. */
final class Converted {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Converted() {}

    /** Writes elements from .. from + count - 1 of the tensor to an address. */
    static void floats(Tensor tensor, long from, long to, int count) {
        if (tensor.dtype() == DType.F16) halves(tensor, from, to, count);
        else for (int i = 0; i < count; i++) Lanes.set(to + 4L * i, (float) tensor.value(from + i));
    }

    private static void halves(Tensor tensor, long from, long to, int count) {
        for (int i = 0; i < count; i++) {
            Lanes.set(to + 4L * i, Float.float16ToFloat(tensor.data().get(HALF, 2 * (from + i))));
        }
    }
}
