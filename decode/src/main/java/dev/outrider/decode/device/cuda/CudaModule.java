package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Compiled kernels on the card, until closed or the context is. */
public final class CudaModule implements AutoCloseable {
    // CUjit_option in cuda.h.
    private static final int ERROR_LOG = 5, ERROR_LOG_BYTES = 6;
    private static final int LOG_BYTES = 8192;
    private static final int NOT_FOUND = 500;

    private final CudaContext context;
    private final long handle;
    private final Runnable release = this::release;

    private CudaModule(CudaContext context, long handle) {
        this.context = context;
        this.handle = handle;
        context.remember(release);
    }

    /** @param image a cubin, or PTX */
    static CudaModule load(CudaContext context, byte[] image) {
        DriverApi api = context.api;
        try (Arena arena = Arena.ofConfined()) {
            // PTX is text that ends with 0; a cubin knows its length.
            MemorySegment data = arena.allocate(image.length + 1L, Long.BYTES);
            MemorySegment.copy(image, 0, data, ValueLayout.JAVA_BYTE, 0, image.length);
            MemorySegment log = arena.allocate(LOG_BYTES);
            MemorySegment options = arena.allocateFrom(ValueLayout.JAVA_INT, ERROR_LOG, ERROR_LOG_BYTES);
            // An int as a value is the pointer's own bits.
            MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_LONG, log.address(), LOG_BYTES);
            int status = api.loadModule.status(
                    context.result().address(), data.address(), 2, options.address(), values.address());
            if (status != 0) throw api.failure(api.loadModule.name(), status, log.getString(0));
            return new CudaModule(context, context.first());
        }
    }

    /** @throws Failure (machine) where the module has no such kernel */
    public CudaFunction function(String name) {
        synchronized (context) {
            context.enter();
            try (Arena arena = Arena.ofConfined()) {
                int status = context.api.function.status(
                        context.result().address(),
                        handle,
                        arena.allocateFrom(name).address());
                if (status != 0)
                    throw context.api.failure(
                            context.api.function.name(), status, status == NOT_FOUND ? "no kernel " + name : "");
                return new CudaFunction(context, name, context.first());
            }
        }
    }

    private void release() {
        context.api.unloadModule.run(handle);
    }

    @Override
    public void close() {
        context.release(release);
    }
}
