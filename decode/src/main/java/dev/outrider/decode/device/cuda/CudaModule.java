package dev.outrider.decode.device.cuda;


/** Compiled kernels, loaded; freed with close or with their context. */
public final class CudaModule implements AutoCloseable {
    public CudaFunction function(String name) { throw new UnsupportedOperationException("to follow"); }
    @Override public void close() { throw new UnsupportedOperationException("to follow"); }
}
