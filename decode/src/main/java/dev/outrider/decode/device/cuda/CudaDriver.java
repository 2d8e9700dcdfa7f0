package dev.outrider.decode.device.cuda;

import java.lang.foreign.SymbolLookup;

/** Signatures first. */
public final class CudaDriver {
    public static CudaDriver of(SymbolLookup library) { throw new UnsupportedOperationException("to follow"); }
    /** As 12040 for 12.4. */
    public int version() { throw new UnsupportedOperationException("to follow"); }
    public int count() { throw new UnsupportedOperationException("to follow"); }
    public CudaCard card(int ordinal) { throw new UnsupportedOperationException("to follow"); }
    public CudaContext context(int ordinal) { throw new UnsupportedOperationException("to follow"); }
}
