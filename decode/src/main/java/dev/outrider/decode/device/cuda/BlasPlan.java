package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A product of one shape. cuBLASLt counts matrices column by column, and a row-major [r, c] is a column-major [c, r] of
 * the same bytes; so yᵀ = op(b)ᵀ · op(a)ᵀ is what it is asked for: its A is b, its B is a, its m is n and its n is m, and
 * whether an operand is transposed stays as it is.
 */
public final class BlasPlan {
    /** Addresses count as aligned to at most so many bytes. */
    private static final int MOST_ALIGNED = 256;

    private static final int NOT_SUPPORTED = 15; // cublasStatus_t

    private final CublasLt blas;
    private final BlasShape shape;
    private final List<Runnable> releases = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private long product, layoutA, layoutB, layoutY, preference;
    /** An algorithm for addresses of each alignment (log2 of the bytes), made when it is first needed. */
    private final MemorySegment[] algorithms = new MemorySegment[Integer.numberOfTrailingZeros(MOST_ALIGNED) + 1];

    private BlasPlan(CublasLt blas, BlasShape shape) {
        this.blas = blas;
        this.shape = shape;
        releases.add(arena::close);
    }

    static BlasPlan of(CublasLt blas, BlasShape shape) {
        BlasPlan plan = new BlasPlan(blas, shape);
        try {
            plan.make();
        } catch (Failure e) {
            plan.releaseQuietly(e);
            throw e;
        }
        return plan;
    }

    public BlasShape shape() {
        return shape;
    }

    private void make() {
        BlasApi api = blas.api;
        product = made(
                api.createProduct.status(out(), BlasApi.COMPUTE_32F, BlasApi.R_32F),
                api.createProduct,
                api.destroyProduct);
        set(api.setProduct, product, BlasApi.TRANSA, shape.transposeB() ? BlasApi.TRANSPOSED : BlasApi.PLAIN);
        set(api.setProduct, product, BlasApi.TRANSB, shape.transposeA() ? BlasApi.TRANSPOSED : BlasApi.PLAIN);
        int type = type(shape.type());
        layoutA = layout(type, shape.transposeA(), shape.m(), shape.k(), shape.lda(), shape.strideA());
        layoutB = layout(type, shape.transposeB(), shape.k(), shape.n(), shape.ldb(), shape.strideB());
        layoutY = layout(BlasApi.R_32F, false, shape.m(), shape.n(), shape.ldy(), shape.strideY());
        preference = made(api.createPreference.status(out()), api.createPreference, api.destroyPreference);
        setLong(api.setPreference, preference, BlasApi.WORKSPACE_BYTES, blas.workspaceBytes);
    }

    private static int type(DType type) {
        return switch (type) {
            case BF16 -> BlasApi.R_16BF;
            case F16 -> BlasApi.R_16F;
            default -> BlasApi.R_32F;
        };
    }

    // Of a row-major [rows, columns], stored transposed or not: columns and rows change places for cuBLASLt.
    private long layout(int type, boolean transposed, int rows, int columns, int leading, long stride) {
        BlasApi api = blas.api;
        long storedRows = transposed ? columns : rows, storedColumns = transposed ? rows : columns;
        int status = api.createLayout.status(out(), type, storedColumns, storedRows, leading);
        long layout = made(status, api.createLayout, api.destroyLayout);
        if (shape.batch() > 1) {
            set(api.setLayout, layout, BlasApi.LAYOUT_BATCH, shape.batch());
            setLong(api.setLayout, layout, BlasApi.LAYOUT_STRIDE, stride);
        }
        return layout;
    }

    private long out() {
        return blas.scratch.address();
    }

    private long made(int status, NativeCall create, NativeCall destroy) {
        if (status != 0) throw blas.api.failure(create.name(), status);
        long handle = blas.scratch.get(ValueLayout.JAVA_LONG, 0);
        releases.add(() -> destroy.run(handle));
        return handle;
    }

    private void set(NativeCall setter, long object, int attribute, int value) {
        blas.scratch.set(ValueLayout.JAVA_INT, 0, value);
        setter.run(object, attribute, blas.scratch.address(), Integer.BYTES);
    }

    private void setLong(NativeCall setter, long object, int attribute, long value) {
        blas.scratch.set(ValueLayout.JAVA_LONG, 0, value);
        setter.run(object, attribute, blas.scratch.address(), Long.BYTES);
    }

    /**
     * y = alpha · op(a) · op(b) + beta · y on the context's stream. Addresses are multiples of their types' bytes; those of
     * 16 bytes and more are faster. y is not read when beta is 0.
     */
    public void run(float alpha, long a, long b, float beta, long y) {
        synchronized (blas.context) {
            blas.context.enter();
            MemorySegment algorithm = algorithm(a | b | y);
            MemorySegment scratch = blas.scratch;
            scratch.set(ValueLayout.JAVA_FLOAT, 0, alpha);
            scratch.set(ValueLayout.JAVA_FLOAT, Float.BYTES, beta);
            long betaAt = scratch.address() + Float.BYTES;
            blas.api.matmul.run(
                    blas.handle,
                    product,
                    scratch.address(),
                    b,
                    layoutB,
                    a,
                    layoutA,
                    betaAt,
                    y,
                    layoutY,
                    y,
                    layoutY,
                    algorithm.address(),
                    blas.workspace,
                    blas.workspaceBytes,
                    blas.context.stream());
        }
    }

    private MemorySegment algorithm(long addresses) {
        int alignment = Math.min(Long.numberOfTrailingZeros(addresses), algorithms.length - 1);
        if (algorithms[alignment] == null) algorithms[alignment] = choose(1 << alignment);
        return algorithms[alignment];
    }

    private MemorySegment choose(int alignment) {
        BlasApi api = blas.api;
        for (int of = BlasApi.ALIGNMENT_A; of <= BlasApi.ALIGNMENT_D; of++)
            set(api.setPreference, preference, of, alignment);
        MemorySegment result = arena.allocate(BlasApi.RESULT_BYTES, Long.BYTES);
        api.heuristic.run(
                blas.handle, product, layoutB, layoutA, layoutY, layoutY, preference, 1, result.address(), out());
        int found = blas.scratch.get(ValueLayout.JAVA_INT, 0);
        int status = found == 0 ? NOT_SUPPORTED : result.get(ValueLayout.JAVA_INT, BlasApi.RESULT_STATUS);
        if (status != 0) throw api.failure(api.heuristic.name() + " for " + shape, status);
        return result;
    }

    void release() {
        CudaContext.all(releases.reversed());
    }

    private void releaseQuietly(Failure because) {
        try {
            release();
        } catch (Failure e) {
            because.addSuppressed(e);
        }
    }
}
