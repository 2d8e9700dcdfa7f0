package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Products with weights. Few rows: kernels that read the weights once. Many: tiles of our own, whose bits for a row
 * depend on that row alone; gradients, of which nobody asks that, by cuBLASLt where it is there.
 */
final class Products {
    private static final int WARPS = 4, TILE_THREADS = 256;
    /** Rows of a sweep, by kernel. */
    private static final int[] SWEEPS = {1, 2, 4, 8};
    /** Outputs of a warp. */
    private static final int OUTPUTS = 4;

    /** Rows of a sweep and outputs of a warp of the kernels for any alignment. */
    private static final int ANY_ROWS = 4, ANY_OUTPUTS = 2;

    private final CudaContext context;
    private final Optional<CublasLt> blas;
    private final Map<DType, Kernels.Kernel[]> skinny = new EnumMap<>(DType.class), tiled = new EnumMap<>(DType.class);
    private final Kernels.Kernel[] inputGradient, weightGradient;

    Products(CudaContext context, Kernels kernels, Optional<CublasLt> blas) {
        this.context = context;
        this.blas = blas;
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
        else tiles(tiled.get(w.type()), y, x, w.address(), rows, out, in, adds);
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
        if (blas.isPresent() && out > 0)
            blas.get()
                    .plan(BlasShape.of(DType.F32, false, false, rows, in, out))
                    .run(1, dy, w, beta, dx);
        else tiles(inputGradient, dx, dy, w, rows, in, out, beta == 0 ? 0 : 1);
    }

    /** dw[out, in] = dyᵀ · x + beta · dw. */
    void weightGradient(long dw, long dy, long x, int rows, int in, int out, float beta) {
        if (out == 0 || in == 0) return;
        if (blas.isPresent() && rows > 0)
            blas.get().plan(BlasShape.of(DType.F32, true, false, out, in, rows)).run(1, dy, x, beta, dw);
        else tiles(weightGradient, dw, dy, x, out, in, rows, beta == 0 ? 0 : 1);
    }
}
