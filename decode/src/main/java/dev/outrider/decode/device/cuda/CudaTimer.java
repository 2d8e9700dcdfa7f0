package dev.outrider.decode.device.cuda;


/** Two events on the stream. */
public final class CudaTimer implements AutoCloseable {
    public void start() { throw new UnsupportedOperationException("to follow"); }
    /** Milliseconds of the stream since start; waits. */
    public float stop() { throw new UnsupportedOperationException("to follow"); }
    @Override public void close() { throw new UnsupportedOperationException("to follow"); }
}
