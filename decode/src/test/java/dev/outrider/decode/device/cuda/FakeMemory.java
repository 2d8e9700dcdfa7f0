package dev.outrider.decode.device.cuda;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Allocations whose bounds are known; a card's, or pinned ones of the host. Addresses are native ones. */
final class FakeMemory {
    /** As the driver aligns. */
    private static final int ALIGNMENT = 256;
    /** So many bytes begin as ones, which no program should take for its own: NaN as floats. */
    private static final long MARKED = 64 << 10;

    // The C library's: closing an arena that threads share stops them all.
    private static final MethodHandle ALLOCATE = bind(
            "aligned_alloc",
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = bind("free", FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));

    private final TreeMap<Long, Long> blocks = new TreeMap<>();
    private long used;

    private static MethodHandle bind(String name, FunctionDescriptor type) {
        return Linker.nativeLinker()
                .downcallHandle(Linker.nativeLinker().defaultLookup().findOrThrow(name), type);
    }

    long allocate(long bytes) {
        try {
            long address =
                    (long) ALLOCATE.invokeExact((long) ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
            if (address == 0) throw new OutOfMemoryError(bytes + " bytes for a test");
            MemorySegment.ofAddress(address)
                    .reinterpret(Math.min(bytes, MARKED))
                    .fill((byte) -1);
            blocks.put(address, bytes);
            used += bytes;
            return address;
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** Whether it was allocated. */
    boolean free(long address) {
        Long bytes = blocks.remove(address);
        if (bytes == null) return false;
        used -= bytes;
        try {
            FREE.invokeExact(address);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
        return true;
    }

    void clear() {
        List.copyOf(blocks.keySet()).forEach(this::free);
    }

    boolean holds(long address, long bytes) {
        Map.Entry<Long, Long> block = blocks.floorEntry(address);
        return block != null && bytes >= 0 && address + bytes <= block.getKey() + block.getValue();
    }

    /** Whether the address lies in one of the blocks. */
    boolean knows(long address) {
        return holds(address, 1);
    }

    long used() {
        return used;
    }

    int count() {
        return blocks.size();
    }

    /** The bytes of every block by its address. */
    Map<Long, Long> sizes() {
        return Map.copyOf(blocks);
    }
}
