package dev.outrider.decode.device.cuda;

import java.lang.foreign.SymbolLookup;
import java.util.List;

/** The run-time compiler. */
public final class Nvrtc {
    public static Nvrtc of(SymbolLookup library) { throw new UnsupportedOperationException("to follow"); }
    /** Major, minor. */
    public int[] version() { throw new UnsupportedOperationException("to follow"); }
    /** As 90 for sm_90, ascending. */
    public int[] architectures() { throw new UnsupportedOperationException("to follow"); }
    public String ptx(String source, String name, String arch, List<String> options) { throw new UnsupportedOperationException("to follow"); }
    public byte[] cubin(String source, String name, String arch, List<String> options) { throw new UnsupportedOperationException("to follow"); }
}
