package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;

/** One card, one stream. One thread at a time; download may be called by several. */
public final class CudaContext implements AutoCloseable {
    public CudaCard card() { throw new UnsupportedOperationException("to follow"); }
    public long allocate(long bytes) { throw new UnsupportedOperationException("to follow"); }
    /** 0 is let pass. */
    public void free(long device) { throw new UnsupportedOperationException("to follow"); }
    public long freeBytes() { throw new UnsupportedOperationException("to follow"); }
    /** From native or heap memory, which may be changed once this returns. Not within a capture. */
    public void upload(MemorySegment host, long device, long bytes) { throw new UnsupportedOperationException("to follow"); }
    /** Into native or heap memory; waits. Not within a capture. */
    public void download(long device, MemorySegment host, long bytes) { throw new UnsupportedOperationException("to follow"); }
    public void copy(long from, long to, long bytes) { throw new UnsupportedOperationException("to follow"); }
    public void zero(long device, long bytes) { throw new UnsupportedOperationException("to follow"); }
    /** Page-locked host memory, for copies that may be captured and do not wait. */
    public PinnedMemory pin(long bytes) { throw new UnsupportedOperationException("to follow"); }
    /** Copies on the stream, without waiting; may be captured. */
    public void send(PinnedMemory from, long offset, long device, long bytes) { throw new UnsupportedOperationException("to follow"); }
    public void fetch(long device, PinnedMemory to, long offset, long bytes) { throw new UnsupportedOperationException("to follow"); }
    public void synchronize() { throw new UnsupportedOperationException("to follow"); }
    public CudaModule load(String ptx) { throw new UnsupportedOperationException("to follow"); }
    public CudaModule load(byte[] cubin) { throw new UnsupportedOperationException("to follow"); }
    /** What the body launches, copies and zeroes, as a graph: nothing runs yet. */
    public CudaGraph capture(Runnable body) { throw new UnsupportedOperationException("to follow"); }
    public CudaTimer timer() { throw new UnsupportedOperationException("to follow"); }
    /** The CUstream, for cuBLASLt. */
    public long stream() { throw new UnsupportedOperationException("to follow"); }
    @Override public void close() { throw new UnsupportedOperationException("to follow"); }
}
