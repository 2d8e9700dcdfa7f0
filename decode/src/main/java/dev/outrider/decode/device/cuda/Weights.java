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
import java.util.stream.IntStream;

/** Tensors on their way to the card: as they are, or converted on the way, piece by piece. */
final class Weights {
    /** Elements converted at a time, about. */
    private static final int PIECE = 1 << 22;

    /** Of these by one thread. */
    private static final int RUN = 1 << 15;

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
        try (Arena arena = Arena.ofShared()) {
            MemorySegment piece = arena.allocate((long) width * Math.min(PIECE, tensor.elements()), 64);
            for (long from = 0; from < tensor.elements(); from += PIECE) {
                long start = from;
                int count = (int) Math.min(PIECE, tensor.elements() - from);
                IntStream.range(0, (count + RUN - 1) / RUN).parallel().forEach(run -> {
                    int first = run * RUN, n = Math.min(RUN, count - first);
                    if (to.type() == DType.F32) floats(tensor, start + first, piece, 4L * first, n);
                    else bf16(tensor, start + first, piece, 2L * first, n);
                });
                context.upload(piece, to.address() + width * from, (long) width * count);
            }
        }
    }

    private static void bf16(Tensor tensor, long from, MemorySegment to, long at, int count) {
        for (int i = 0; i < count; i++) to.set(HALF, at + 2L * i, Narrowing.bf16((float) tensor.value(from + i)));
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
        try (Arena arena = Arena.ofShared()) {
            MemorySegment piece = arena.allocate(layout.stride() * Math.min(together, bands), 64);
            for (long band = 0; band < bands; band += together) {
                long first = band * Layout.Bands.ROWS;
                int count = (int) Math.min(together, bands - band);
                piece.fill((byte) 0);
                int rows = (int) Math.min((long) count * Layout.Bands.ROWS, out - first);
                IntStream.range(0, rows).parallel().forEach(r -> quantise(tensor, first, r, piece, layout));
                context.upload(piece, to.address() + band * layout.stride(), count * layout.stride());
            }
        }
    }

    // Row first + r, to the r-th of the piece.
    private static void quantise(Tensor tensor, long first, int r, MemorySegment to, Layout.Bands layout) {
        int in = layout.inputs(), rows = Layout.Bands.ROWS;
        long band = r / rows * layout.stride(), weights = band + (long) r % rows * in;
        long scales = band + (long) rows * in + r % rows * (4L * in / Buffer.GROUP);
        MemorySegment row = MemorySegment.ofArray(new float[in]);
        floats(tensor, (first + r) * in, row, 0, in);
        for (int i = 0; i < in; i += Buffer.GROUP) {
            float scale = Narrowing.group(row, 4L * i, to, weights + i, 0);
            if (!Float.isFinite(scale)) throw Narrowing.unfit(tensor.name(), first + r);
            to.set(FLOAT, scales + 4L * (i / Buffer.GROUP), scale);
        }
    }
}
