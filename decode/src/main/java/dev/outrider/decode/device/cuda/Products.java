package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Products with weights. Few rows: kernels that read the weights once. Many: tiles of our own, whose bits for a row
 * depend on that row alone; gradients, of which nobody asks that, by cuBLASLt where it is there. At {@link Precision#BF16} all
 * products of many rows are cuBLASLt's, of factors that are rounded first.
 */
final class Products {
    private static final int WARPS = 4, TILE_THREADS = 256;
    /** Rows of a sweep, by kernel. */
    private static final int[] SWEEPS = {1, 2, 4, 8};
    /** Outputs of a warp. */
    private static final int OUTPUTS = 4;

    /** Rows of a sweep and outputs of a warp of the kernels for any alignment. */
    private static final int ANY_ROWS = 4, ANY_OUTPUTS = 2;

    private static final int ALIGNMENT = 256;

    private final CudaContext context;
    private final Optional<CublasLt> blas;
    private final Precision precision;
    private final Rowwise rowwise;
    private final Scratch scratch;
    private final Map<DType, Kernels.Kernel[]> skinny = new EnumMap<>(DType.class), tiled = new EnumMap<>(DType.class);
    private final Kernels.Kernel[] inputGradient, weightGradient;

    /** @throws Failure (machine) for BF16 without cuBLASLt */
    Products(
            CudaContext context,
            Kernels kernels,
            Rowwise rowwise,
            Scratch scratch,
            Optional<CublasLt> blas,
            Precision precision) {
        if (precision == Precision.BF16 && blas.isEmpty()) {
            throw new Failure(
                    Failure.Kind.MACHINE,
                    "precision: bf16",
                    "no cuBLASLt",
                    "libcublasLt of CUDA 12 or 13",
                    "Install it (pip install nvidia-cublas-cu12), or say precision: f32.",
                    null);
        }
        this.context = context;
        this.rowwise = rowwise;
        this.scratch = scratch;
        this.blas = blas;
        this.precision = precision;
        for (DType type : new DType[] {DType.F32, DType.BF16, DType.F16, DType.I8}) {
            String name = type.name().toLowerCase(Locale.ROOT);
            skinny.put(type, skinny(kernels, "skinny_" + name));
            tiled.put(type, tiled(kernels, "linear_" + name));
        }
        inputGradient = tiled(kernels, "input_gradient");
        weightGradient = tiled(kernels, "weight_gradient");
    }

    private static Kernels.Kernel[] skinny(Kernels kernels, String name) {
        Kernels.Kernel[] all = new Kernels.Kernel[SWEEPS.length + 1];
        for (int i = 0; i < SWEEPS.length; i++) all[i] = kernels.kernel("skinny", name + "_" + SWEEPS[i]);
        all[SWEEPS.length] = kernels.kernel("skinny", name + "_any");
        return all;
    }

    private static Kernels.Kernel[] tiled(Kernels kernels, String name) {
        return new Kernels.Kernel[] {kernels.kernel("products", name + "_64"), kernels.kernel("products", name + "_128")
        };
    }

    /** Addresses of y and x, checked; w in rows or bands. */
    void linear(long y, long x, Buffer w, int rows, int in, int out, float beta) {
        if (rows == 0 || out == 0) return;
        int adds = beta == 0 ? 0 : 1;
        if (rows <= Device.INVARIANT_ROWS) few(y, x, w, rows, in, out, adds);
        else if (mixed(w.type())) mixed(false, true, y, x, DType.F32, w.address(), w.type(), rows, out, in, beta);
        else tiles(tiled.get(w.type()), y, x, w.address(), rows, out, in, adds);
    }

    private boolean mixed(DType weights) {
        return precision == Precision.BF16 && (weights == DType.F32 || weights == DType.BF16);
    }

    /** c[m, n] = op(a) · op(b) + beta · c, of factors that are BF16 or become it. */
    private void mixed(
            boolean transposeA,
            boolean transposeB,
            long c,
            long a,
            DType typeA,
            long b,
            DType typeB,
            int m,
            int n,
            int k,
            float beta) {
        long left = typeA == DType.BF16 ? 0 : room((long) m * k), right = typeB == DType.BF16 ? 0 : room((long) k * n);
        long from = scratch.bytes(left + right);
        BlasShape shape = BlasShape.of(DType.BF16, transposeA, transposeB, m, n, k);
        blas.orElseThrow()
                .plan(shape)
                .run(1, narrowed(a, left, from, (long) m * k), narrowed(b, right, from + left, (long) k * n), beta, c);
    }

    private static long room(long elements) {
        return (2 * elements + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private long narrowed(long factor, long room, long to, long elements) {
        if (room == 0) return factor;
        rowwise.narrow(to, factor, elements);
        return to;
    }

    private void few(long y, long x, Buffer w, int rows, int in, int out, int adds) {
        Kernels.Kernel[] kernels = skinny.get(w.type());
        int which = SWEEPS.length - 1;
        while (which > 0 && SWEEPS[which - 1] >= rows) which--;
        boolean whole = (x | w.address()) % 16 == 0 && in % 4 == 0;
        int sweep = whole ? SWEEPS[which] : ANY_ROWS, outputs = whole ? OUTPUTS : ANY_OUTPUTS;
        int split = split(in, out), together = outputs * (WARPS / split);
        long blocks = (out + together - 1L) / together * ((rows + sweep - 1) / sweep);
        Kernels.Kernel kernel = kernels[whole ? which : SWEEPS.length];
        kernel.launch(Math.toIntExact(blocks), 1, 32 * WARPS, 0, y, x, w.address(), rows, in, out, split, adds);
    }

    /**
     * Warps that share a row's inputs: more for fewer outputs, that there be loads enough on the way to fill the card. It
     * follows from the matrix alone, since the order of summing follows from it.
     */
    static int split(int in, int out) {
        if (in >= 1024 && out <= 8192) return 4;
        return in >= 512 && out <= 16384 ? 2 : 1;
    }

    private void tiles(Kernels.Kernel[] kernels, long c, long a, long b, int m, int n, int k, int adds) {
        boolean large = blocks(m, n, 128) >= context.card().multiprocessors();
        int blocks = Math.toIntExact(blocks(m, n, large ? 128 : 64));
        kernels[large ? 1 : 0].launch(blocks, 1, TILE_THREADS, 0, c, a, b, m, n, k, adds);
    }

    private static long blocks(int m, int n, int side) {
        return (m + side - 1L) / side * ((n + side - 1L) / side);
    }

    /** dx[R, in] = dy[R, out] · w[out, in] + beta · dx. */
    void inputGradient(long dx, long dy, long w, int rows, int in, int out, float beta) {
        if (rows == 0 || in == 0) return;
        if (out > 0 && mixed(DType.F32)) mixed(false, false, dx, dy, DType.F32, w, DType.F32, rows, in, out, beta);
        else if (blas.isPresent() && out > 0)
            blas.get()
                    .plan(BlasShape.of(DType.F32, false, false, rows, in, out))
                    .run(1, dy, w, beta, dx);
        else tiles(inputGradient, dx, dy, w, rows, in, out, beta == 0 ? 0 : 1);
    }

    /** dw[out, in] = dyᵀ · x + beta · dw. */
    void weightGradient(long dw, long dy, long x, int rows, int in, int out, float beta) {
        if (out == 0 || in == 0) return;
        if (rows > 0 && mixed(DType.F32)) mixed(true, false, dw, dy, DType.F32, x, DType.F32, out, in, rows, beta);
        else if (blas.isPresent() && rows > 0)
            blas.get().plan(BlasShape.of(DType.F32, true, false, out, in, rows)).run(1, dy, x, beta, dw);
        else tiles(weightGradient, dw, dy, x, out, in, rows, beta == 0 ? 0 : 1);
    }
}
