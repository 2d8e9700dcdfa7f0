package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Narrowing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Tensors on their way to the card: as they are, or converted on the way, piece by piece. */
final class Weights {
    /** Elements converted at a time, about. */
    private static final int PIECE = 1 << 20;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Weights() {}

    /** How kernels are told of a stored type: Stored in common.cu. */
    static int code(DType type) {
        return switch (type) {
            case F32 -> 0;
            case BF16 -> 1;
            case F16 -> 2;
            default -> throw new IllegalArgumentException("weights of type " + type);
        };
    }

    /** As F32 or BF16, or as stored; in rows. */
    static void rows(CudaContext context, Tensor tensor, Buffer to) {
        if (to.type() == tensor.dtype()) {
            context.upload(tensor.data(), to.address(), to.bytes());
            return;
        }
        if (to.type() != DType.F32 && to.type() != DType.BF16)
            throw new IllegalArgumentException("weights of type " + to.type());
        int width = to.type().bytes;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece = arena.allocate((long) width * Math.min(PIECE, tensor.elements()), 64);
            for (long from = 0; from < tensor.elements(); from += PIECE) {
                int count = (int) Math.min(PIECE, tensor.elements() - from);
                if (to.type() == DType.F32) floats(tensor, from, piece, 0, count);
                else for (int i = 0; i < count; i++) piece.set(HALF, 2L * i, narrow(tensor, from + i));
                context.upload(piece, to.address() + width * from, (long) width * count);
            }
        }
    }

    private static short narrow(Tensor tensor, long i) {
        return Narrowing.bf16((float) tensor.value(i));
    }

    /** Writes elements from .. from + count - 1 of the tensor as floats. */
    private static void floats(Tensor tensor, long from, MemorySegment to, long at, int count) {
        if (tensor.dtype() == DType.F32) MemorySegment.copy(tensor.data(), 4 * from, to, at, 4L * count);
        else for (int i = 0; i < count; i++) to.set(FLOAT, at + 4L * i, (float) tensor.value(from + i));
    }

    /**
     * A matrix as I8.
     *
     * @throws dev.outrider.checkpoints.Failure (data) as {@link Narrowing#unfit}
     */
    static void bands(CudaContext context, Tensor tensor, Buffer to, Layout.Bands layout) {
        int in = layout.inputs(), together = Math.max(1, PIECE / (Layout.Bands.ROWS * in));
        long out = tensor.shape()[0], bands = (out + Layout.Bands.ROWS - 1) / Layout.Bands.ROWS;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece = arena.allocate(layout.stride() * Math.min(together, bands), 64);
            MemorySegment row = arena.allocate(4L * in, 64);
            for (long band = 0; band < bands; band += together) {
                int count = (int) Math.min(together, bands - band);
                piece.fill((byte) 0);
                for (int r = 0; r < count * Layout.Bands.ROWS; r++) {
                    long o = band * Layout.Bands.ROWS + r;
                    if (o < out) quantise(tensor, o, row, piece, r, layout);
                }
                context.upload(piece, to.address() + band * layout.stride(), count * layout.stride());
            }
        }
    }

    private static void quantise(Tensor tensor, long o, MemorySegment row, MemorySegment to, int r, Layout.Bands layout) {
        int in = layout.inputs(), rows = Layout.Bands.ROWS;
        long band = r / rows * layout.stride(), weights = band + (long) r % rows * in;
        long scales = band + (long) rows * in + r % rows * (4L * in / Buffer.GROUP);
        floats(tensor, o * in, row, 0, in);
        for (int i = 0; i < in; i += Buffer.GROUP) {
            float scale = Narrowing.group(row, 4L * i, to, weights + i, 1);
            if (!Float.isFinite(scale)) throw Narrowing.unfit(tensor.name(), o);
            to.set(FLOAT, scales + 4L * (i / Buffer.GROUP), scale);
        }
    }
}
