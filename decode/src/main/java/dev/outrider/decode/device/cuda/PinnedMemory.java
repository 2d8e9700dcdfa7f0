package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;

/** Page-locked host memory. */
public final class PinnedMemory implements AutoCloseable {
    public MemorySegment segment() { throw new UnsupportedOperationException("to follow"); }
    @Override public void close() { throw new UnsupportedOperationException("to follow"); }
}
