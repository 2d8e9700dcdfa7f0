package dev.outrider.decode.device.cuda;


/** A captured sequence; freed with close or with its context. */
public final class CudaGraph implements AutoCloseable {
    public void launch() { throw new UnsupportedOperationException("to follow"); }
    @Override public void close() { throw new UnsupportedOperationException("to follow"); }
}
