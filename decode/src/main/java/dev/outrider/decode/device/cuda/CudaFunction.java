package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;

/** A kernel of a {@link CudaModule}, valid as long as that. */
public final class CudaFunction {
    private static final int MAX_DYNAMIC_SHARED_BYTES = 8; // CUfunction_attribute in cuda.h
    /** What a block may have without asking. */
    private static final int USUAL_SHARED_BYTES = 48 << 10;

    private final CudaContext context;
    private final String name;
    private final long handle;
    private int sharedLimit = USUAL_SHARED_BYTES;

    CudaFunction(CudaContext context, String name, long handle) {
        this.context = context;
        this.name = name;
        this.handle = handle;
    }

    public String name() {
        return name;
    }

    /** As the long form, with blocks and grids of fewer dimensions. */
    public void launch(int gridX, int gridY, int blockX, int sharedBytes, Object... arguments) {
        launch3d(gridX, gridY, 1, blockX, 1, 1, sharedBytes, arguments);
    }

    /**
     * Runs the kernel when its turn on the stream comes. CUDA does not tell a kernel's parameters: that number and
     * types are right is for the caller to see to.
     *
     * @param sharedBytes dynamic shared memory
     * @param arguments Long (a device pointer, or 64 bits), Integer, Float or Double
     * @throws Failure (machine) where the card has less shared memory, or refuses
     */
    public void launch3d(
            int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes, Object... arguments) {
        synchronized (context) {
            context.enter();
            if (sharedBytes > sharedLimit) raise(sharedBytes);
            long packed = context.arguments().pack(arguments);
            context.api.launchKernel.run(
                    handle, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, context.stream(), packed, 0);
        }
    }

    private void raise(int sharedBytes) {
        int most = context.card().sharedBytesPerBlock();
        if (sharedBytes > most) {
            throw new Failure(
                    Failure.Kind.MACHINE,
                    context.card().label(),
                    most + " bytes of shared memory a block",
                    sharedBytes + " for kernel " + name,
                    "Use a card of a newer generation.",
                    null);
        }
        context.api.setFunctionAttribute.run(handle, MAX_DYNAMIC_SHARED_BYTES, sharedBytes);
        sharedLimit = sharedBytes;
    }
}
