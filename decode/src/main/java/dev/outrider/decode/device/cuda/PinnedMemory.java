package dev.outrider.decode.device.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Page-locked host memory, which the card reads and writes while the host goes on. Graphs that copy from or to it must
 * not be launched after it is closed.
 */
public final class PinnedMemory implements AutoCloseable {
    private final CudaContext context;
    private final long address;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;
    private final Runnable release = this::release;

    PinnedMemory(CudaContext context, long address, long bytes) {
        this.context = context;
        this.address = address;
        segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
        context.remember(release);
    }

    /** The memory; cannot be reached after {@link #close}. */
    public MemorySegment segment() {
        return segment;
    }

    long address(long offset, long bytes) {
        Objects.checkFromIndexSize(offset, bytes, segment.byteSize());
        if (!arena.scope().isAlive()) throw new IllegalStateException("pinned memory is closed");
        return address + offset;
    }

    private void release() {
        arena.close();
        context.api.freeHost.run(address);
    }

    @Override
    public void close() {
        context.release(release);
    }
}
