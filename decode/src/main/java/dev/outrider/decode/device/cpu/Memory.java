package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HashMap;
import java.util.Map;

/**
 * Native memory: zeroed, aligned to 64 bytes, of any size. It comes from calloc, so that large blocks are
 * pages that the system hands out when they are first written.
 */
final class Memory implements AutoCloseable {
    private static final int ALIGNMENT = 64;
    private static final MethodHandle CALLOC =
            bind("calloc", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = bind("free", FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));

    /** Aligned address to the one that calloc returned. */
    private final Map<Long, Long> blocks = new HashMap<>();

    /** The address of so many bytes of zeros. */
    synchronized long allocate(long bytes) {
        long block = calloc(bytes + ALIGNMENT);
        long address = (block + ALIGNMENT - 1) & -ALIGNMENT;
        blocks.put(address, block);
        return address;
    }

    /** Frees what {@link #allocate} returned; other addresses are left alone. */
    synchronized void free(long address) {
        Long block = blocks.remove(address);
        if (block != null) release(block);
    }

    @Override
    public synchronized void close() {
        blocks.values().forEach(Memory::release);
        blocks.clear();
    }

    private static long calloc(long bytes) {
        long block;
        try {
            block = (long) CALLOC.invokeExact(bytes, 1L);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
        if (block == 0) throw exhausted(bytes);
        return block;
    }

    private static Failure exhausted(long bytes) {
        return new Failure(
                Failure.Kind.MACHINE,
                "memory",
                "no room for another " + (bytes >> 20) + " MiB",
                "enough for weights, caches and activations",
                "Use a smaller model, batch or context, or a machine with more memory.",
                null);
    }

    private static void release(long block) {
        try {
            FREE.invokeExact(block);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static MethodHandle bind(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }
}
