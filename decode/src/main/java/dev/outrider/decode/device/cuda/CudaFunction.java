package dev.outrider.decode.device.cuda;


/** A kernel. */
public final class CudaFunction {
    public String name() { throw new UnsupportedOperationException("to follow"); }
    /** Arguments: Long (pointer or 64 bits), Integer, Float, Double. Dynamic shared memory above 48 KiB is asked for. */
    public void launch(int gridX, int gridY, int blockX, int sharedBytes, Object... arguments) { throw new UnsupportedOperationException("to follow"); }
    public void launch(int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes, Object... arguments) { throw new UnsupportedOperationException("to follow"); }
}
