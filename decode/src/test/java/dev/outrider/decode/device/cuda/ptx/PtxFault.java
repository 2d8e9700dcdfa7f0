package dev.outrider.decode.device.cuda.ptx;

/** What PtxMachine will not run: PTX it does not know, or a kernel that breaks a rule of CUDA. Names line and instruction. */
public final class PtxFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PtxFault(String message) {
        super(message);
    }

    PtxFault(String message, Throwable cause) {
        super(message, cause);
    }
}
