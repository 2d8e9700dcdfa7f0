package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.LANES;
import static dev.outrider.decode.device.cpu.Lanes.get;
import static dev.outrider.decode.device.cpu.Lanes.load;
import static dev.outrider.decode.device.cpu.Lanes.setBf16;
import static dev.outrider.decode.device.cpu.Lanes.storeBf16;
import static dev.outrider.decode.device.cpu.Lanes.whole;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Kept;
import java.util.List;
import java.util.stream.Stream;

/**
 * Large products of {@link dev.outrider.decode.device.Precision#BF16}: factors that are F32 are rounded into memory that is
 * kept, by all threads, and {@link OneDnn} multiplies, each thread a part of the output. Sums over k are in an order of
 * oneDNN's own, which does not depend on how the output is cut.
 */
final class MixedGemm implements AutoCloseable {
    /** Products that are kept ready, for each part of the work. */
    private static final int KEPT = 128;

    private final Threads threads;
    private final Scratch left;
    private final Scratch right;
    /** By part of the work. */
    private final List<Kept<OneDnn.Shape, OneDnn.Product>> ready;

    MixedGemm(Threads threads, Memory memory) {
        this.threads = threads;
        left = new Scratch(memory);
        right = new Scratch(memory);
        ready = Stream.generate(
                        () -> new Kept<OneDnn.Shape, OneDnn.Product>(KEPT, OneDnn.Product::new, OneDnn.Product::close))
                .limit(threads.count())
                .toList();
    }

    /** A matrix that lies together, F32 or BF16. */
    record Factor(DType type, long address) {
        static Factor f32(long address) {
            return new Factor(DType.F32, address);
        }
    }

    /** c[m, n] = op(a) · op(b), and what c holds if {@code added}; op(a) is [m, k], op(b) [k, n], transposed if so stored. */
    void product(
            boolean transposeA, boolean transposeB, long c, Factor a, Factor b, int m, int n, int k, boolean added) {
        long at = narrowed(a, (long) m * k, left), with = narrowed(b, (long) k * n, right);
        int lda = transposeA ? m : k, ldb = transposeB ? k : n, parts = Gemm.parts(threads, m, n, k);
        boolean tall = m >= n;
        long step = tall ? transposeA ? 2 : 2L * k : transposeB ? 2L * k : 2;
        threads.run(Math.max(1, parts), part -> {
            int from = Gemm.cut(tall ? m : n, part, Math.max(1, parts));
            int count = Gemm.cut(tall ? m : n, part + 1, Math.max(1, parts)) - from;
            var shape =
                    new OneDnn.Shape(transposeA, transposeB, tall ? count : m, tall ? n : count, k, lda, ldb, n, added);
            OneDnn.Product product = ready.get(part).of(shape);
            if (tall) product.run(at + from * step, with, c + 4L * from * n);
            else product.run(at, with + from * step, c + 4L * from);
        });
    }

    private long narrowed(Factor factor, long elements, Scratch scratch) {
        if (factor.type() == DType.BF16) return factor.address();
        long to = scratch.floats((elements + 1) / 2), from = factor.address();
        if (threads.alone(elements)) narrowRow(to, from, (int) elements);
        else Elementwise.each(threads, elements, (at, n) -> narrowRow(to + 2 * at, from + 4 * at, n));
        return to;
    }

    /** {@code count} floats as the BF16 nearest to each. */
    static void narrowRow(long to, long from, int count) {
        int whole = whole(count);
        for (int i = 0; i < whole; i += LANES) storeBf16(load(from + 4L * i), to + 2L * i);
        for (int i = whole; i < count; i++) setBf16(to + 2L * i, get(from + 4L * i));
    }

    @Override
    public void close() {
        left.close();
        right.close();
        for (var products : ready) products.values().forEach(OneDnn.Product::close);
    }
}
