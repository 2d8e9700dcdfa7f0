package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The functions and constants of cublasLt.h (CUDA 12; the same in 13) that Outrider uses. */
final class BlasApi {
    // cudaDataType_t in library_types.h.
    static final int R_32F = 0, R_16F = 2, R_16BF = 14;
    // cublasComputeType_t in cublas_api.h: products and sums in F32 (of F32 inputs without TF32).
    static final int COMPUTE_32F = 68;
    // cublasOperation_t.
    static final int PLAIN = 0, TRANSPOSED = 1;
    // cublasLtMatrixLayoutAttribute_t.
    static final int LAYOUT_BATCH = 5, LAYOUT_STRIDE = 6;
    // cublasLtMatmulDescAttributes_t.
    static final int TRANSA = 3, TRANSB = 4;
    // cublasLtMatmulPreferenceAttributes_t; alignments of A, B, C and D are 5 to 8.
    static final int WORKSPACE_BYTES = 1, ALIGNMENT_A = 5, ALIGNMENT_D = 8;
    /**
     * cublasLtMatmulHeuristicResult_t: the algorithm (64 bytes), then bytes of workspace (64 bits), status, waves and
     * 16 bytes that are reserved.
     */
    static final int RESULT_BYTES = 96, RESULT_STATUS = 72;

    private static final int ALLOCATION_FAILED = 3;

    final NativeCall create, destroy;
    final NativeCall createLayout, setLayout, destroyLayout;
    final NativeCall createProduct, setProduct, destroyProduct;
    final NativeCall createPreference, setPreference, destroyPreference;
    final NativeCall heuristic, matmul;
    private final MethodHandle words, version;

    BlasApi(SymbolLookup symbols) {
        NativeLibrary blas = new NativeLibrary("cuBLASLt", symbols, "Use cuBLAS of CUDA 12 or 13.", this::failure);
        words = blas.handle("cublasLtGetStatusString", ValueLayout.JAVA_LONG, "i");
        version = blas.handle("cublasLtGetVersion", ValueLayout.JAVA_LONG, "");
        create = blas.call("cublasLtCreate", "p");
        destroy = blas.call("cublasLtDestroy", "p");
        createLayout = blas.call("cublasLtMatrixLayoutCreate", "pippp");
        setLayout = blas.call("cublasLtMatrixLayoutSetAttribute", "pipp");
        destroyLayout = blas.call("cublasLtMatrixLayoutDestroy", "p");
        createProduct = blas.call("cublasLtMatmulDescCreate", "pii");
        setProduct = blas.call("cublasLtMatmulDescSetAttribute", "pipp");
        destroyProduct = blas.call("cublasLtMatmulDescDestroy", "p");
        createPreference = blas.call("cublasLtMatmulPreferenceCreate", "p");
        setPreference = blas.call("cublasLtMatmulPreferenceSetAttribute", "pipp");
        destroyPreference = blas.call("cublasLtMatmulPreferenceDestroy", "p");
        heuristic = blas.call("cublasLtMatmulAlgoGetHeuristic", "pppppppipp");
        matmul = blas.call("cublasLtMatmul", "pppppppppppppppp");
    }

    /** As 120403 for 12.4.3. */
    long version() {
        try {
            return (long) version.invokeExact();
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    Failure failure(String call, int status) {
        return new Failure(
                Failure.Kind.MACHINE,
                "cuBLASLt",
                "status " + status + " (" + NativeLibrary.text(words, status) + ") from " + call,
                "success",
                status == ALLOCATION_FAILED
                        ? "Use a smaller model, batch or context, or end other programs on the card."
                        : "Check that cuBLAS and driver are of versions that fit together (./outrider devices).",
                null);
    }
}
