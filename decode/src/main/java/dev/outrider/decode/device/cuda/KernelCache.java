package dev.outrider.decode.device.cuda;

import java.nio.file.Path;
import java.util.List;

/** Compiled images on disk. */
public final class KernelCache {
    /** OUTRIDER_CACHE, or ~/.cache/outrider; kernels lie below it in kernels/. */
    public static Path folder() { throw new UnsupportedOperationException("to follow"); }
    public KernelCache(Path folder, Nvrtc compiler) { throw new UnsupportedOperationException("to follow"); }
    public byte[] cubin(String source, String name, String arch, List<String> options) { throw new UnsupportedOperationException("to follow"); }
    public String ptx(String source, String name, String arch, List<String> options) { throw new UnsupportedOperationException("to follow"); }
}
