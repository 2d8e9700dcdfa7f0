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
 * pages that the system hands out when they are first written. On Linux these are pages of 2 MiB where it has them, which
 * are faster to touch first and to read in many places; blocks of middle size, as small models' matrices are, share
 * {@link Slab}s of them.
 */
final class Memory implements AutoCloseable {
    private static final int ALIGNMENT = 64, PAGE = 1 << 21, HUGE_PAGES = 14;
    /** Bytes from which on a block lies in a slab, and from which on it has pages of its own. */
    private static final long MIDDLE = 1 << 15, LARGE = 2L * PAGE;

    private static final long SLAB = 8L * PAGE;

    private static final MethodHandle CALLOC =
            bind("calloc", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = bind("free", FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
    /** Null but on Linux. */
    private static final MethodHandle ADVISE = System.getProperty("os.name").startsWith("Linux")
            ? bind(
                    "madvise",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT))
            : null;

    /** By address. */
    private final Map<Long, Slab> blocks = new HashMap<>();

    /** Where blocks of middle size are taken from; null before the first. */
    private Slab open;

    /** What calloc returned at {@code block}, with room for blocks one after the other; freed with the last of them. */
    private static final class Slab {
        final long block;
        final long end;
        long next;
        int used;

        Slab(long bytes, int alignment) {
            block = calloc(bytes + alignment);
            next = (block + alignment - 1) & -alignment;
            end = next + bytes;
            if (alignment == PAGE && ADVISE != null) advise(next, bytes);
        }

        long take(long bytes) {
            long address = next;
            next = (next + bytes + ALIGNMENT - 1) & -ALIGNMENT;
            used++;
            return address;
        }
    }

    /** The address of so many bytes of zeros. */
    synchronized long allocate(long bytes) {
        Slab slab = slab(bytes);
        long address = slab.take(bytes);
        blocks.put(address, slab);
        return address;
    }

    private Slab slab(long bytes) {
        if (bytes < MIDDLE) return new Slab(bytes, ALIGNMENT);
        if (bytes >= LARGE) return new Slab(bytes, PAGE);
        if (open == null || open.end - open.next < bytes) {
            if (open != null) release(open);
            open = new Slab(SLAB, PAGE);
            open.used = 1; // as long as it is open
        }
        return open;
    }

    // What the system makes of it is its own business.
    private static void advise(long address, long bytes) {
        try {
            int ignored = (int) ADVISE.invokeExact(address, bytes & -PAGE, HUGE_PAGES);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** Frees what {@link #allocate} returned; other addresses are left alone. */
    synchronized void free(long address) {
        Slab slab = blocks.remove(address);
        if (slab != null) release(slab);
    }

    private static void release(Slab slab) {
        if (--slab.used == 0) release(slab.block);
    }

    @Override
    public synchronized void close() {
        blocks.values().forEach(Memory::release);
        blocks.clear();
        if (open != null) release(open);
        open = null;
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
