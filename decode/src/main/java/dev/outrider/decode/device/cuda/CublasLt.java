package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Kept;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;

/**
 * Large products by NVIDIA's cuBLASLt, on a context's stream. A product's plan (layouts, and the algorithm that the library's
 * heuristic chooses) is made once a shape and kept. How a row is summed may depend on how many rows there are: products
 * that must not (decoding) are kernels of our own.
 *
 * <p>To be closed before its context; what is left over then is released with the context.
 */
public final class CublasLt implements AutoCloseable {
    /** As NVIDIA advises for Hopper. */
    public static final long WORKSPACE = 32 << 20;

    final BlasApi api;
    final CudaContext context;
    final long handle;
    final long workspace;
    final long workspaceBytes;
    final Arena arena = Arena.ofShared();
    /** For results, attributes, and alpha and beta. */
    final MemorySegment scratch = arena.allocate(2 * Long.BYTES, Long.BYTES);

    private static final int PLANS = 1024;

    private final Kept<BlasShape, BlasPlan> plans = new Kept<>(PLANS, s -> BlasPlan.of(this, s), BlasPlan::release);
    private final Runnable release = this::release;
    private boolean closed;

    private CublasLt(BlasApi api, CudaContext context, long handle, long workspace, long workspaceBytes) {
        this.api = api;
        this.context = context;
        this.handle = handle;
        this.workspace = workspace;
        this.workspaceBytes = workspaceBytes;
        context.remember(release);
    }

    /** @param library libcublasLt */
    public static CublasLt of(SymbolLookup library, CudaContext context) {
        return of(library, context, WORKSPACE);
    }

    /** @param workspaceBytes of the card's memory that products may use for a while */
    public static CublasLt of(SymbolLookup library, CudaContext context, long workspaceBytes) {
        BlasApi api = new BlasApi(library);
        synchronized (context) {
            long workspace = context.allocate(workspaceBytes);
            try {
                api.create.run(context.result().address());
            } catch (Failure e) {
                context.free(workspace);
                throw e;
            }
            return new CublasLt(api, context, context.first(), workspace, workspaceBytes);
        }
    }

    /** As "12.4.3". */
    public String version() {
        return versionText(api.version());
    }

    static String versionText(long v) {
        return v / 10_000 + "." + v % 10_000 / 100 + "." + v % 100;
    }

    /** How a product of that shape is made; to be used at once, since only those of the shapes asked for last are kept. */
    public BlasPlan plan(BlasShape shape) {
        synchronized (context) {
            context.enter();
            return plans.of(shape);
        }
    }

    private void release() {
        List<Runnable> steps = new ArrayList<>();
        for (BlasPlan plan : plans.values()) steps.add(plan::release);
        steps.add(() -> api.destroy.run(handle));
        steps.add(arena::close);
        plans.clear();
        CudaContext.all(steps);
    }

    @Override
    public void close() {
        synchronized (context) {
            if (closed || context.isClosed()) return;
            context.synchronize();
            closed = true;
            CudaContext.all(List.of(() -> context.release(release), () -> context.free(workspace)));
        }
    }
}
