package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * OpenBLAS' single-precision product, bound to plain addresses. JavaCPP unpacks and loads the library
 * (the same one that ND4J uses, so a process has only one); calls go through java.lang.foreign and
 * make no objects.
 *
 * <p>Every call is to run on the thread that makes it. OpenBLAS has one thread count for the process, and
 * ND4J raises it when it initialises, so whoever starts a product says {@link #oneThread} before: it
 * costs a few nanoseconds.
 */
final class OpenBlas {
    private static final Logger LOG = LoggerFactory.getLogger(OpenBlas.class);
    private static final int ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112;

    /** Name of the kernels in use. */
    static final String CORE;

    private static final MethodHandle SGEMM, SET_NUM_THREADS;

    static {
        CoreType.mend();
        liftLimits();
        load();
        var integer = ValueLayout.JAVA_INT;
        var address = ValueLayout.JAVA_LONG;
        var real = ValueLayout.JAVA_FLOAT;
        SGEMM = bind(
                "cblas_sgemm",
                FunctionDescriptor.ofVoid(
                        integer, integer, integer, integer, integer, integer, real, address, integer, address, integer,
                        real, address, integer));
        SET_NUM_THREADS = bind("openblas_set_num_threads", FunctionDescriptor.ofVoid(integer));
        CORE = core(bind("openblas_get_corename", FunctionDescriptor.of(ValueLayout.ADDRESS)));
        LOG.debug("OpenBLAS runs its {} kernels", CORE);
    }

    private OpenBlas() {}

    static void oneThread() {
        try {
            SET_NUM_THREADS.invokeExact(1);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /**
     * c[m, n] = alpha · op(a) · op(b) + beta · c, row-major; op(a) is [m, k] and op(b) [k, n]. The last
     * number of each operand is the elements from a row, as stored, to the next.
     */
    static void sgemm(
            boolean transposeA,
            boolean transposeB,
            int m,
            int n,
            int k,
            float alpha,
            long a,
            int lda,
            long b,
            int ldb,
            float beta,
            long c,
            int ldc) {
        try {
            int opA = transposeA ? TRANSPOSED : PLAIN, opB = transposeB ? TRANSPOSED : PLAIN;
            SGEMM.invokeExact(ROW_MAJOR, opA, opB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    // JavaCPP reads them once; by default it refuses native memory beyond four times the Java heap.
    private static void liftLimits() {
        for (String limit : new String[] {"org.bytedeco.javacpp.maxbytes", "org.bytedeco.javacpp.maxphysicalbytes"}) {
            if (System.getProperty(limit) == null) System.setProperty(limit, "0");
        }
    }

    private static void load() {
        try {
            Loader.load(openblas.class);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            throw new Failure(
                    Failure.Kind.MACHINE,
                    "OpenBLAS",
                    String.valueOf(e.getMessage()),
                    "the library of org.bytedeco:openblas for " + Loader.getPlatform(),
                    "Add its jar for this platform, and let JavaCPP write to its cache (~/.javacpp or"
                            + " -Dorg.bytedeco.javacpp.cachedir).",
                    e);
        }
    }

    private static MethodHandle bind(String name, FunctionDescriptor type) {
        return Linker.nativeLinker()
                .downcallHandle(MemorySegment.ofAddress(Loader.addressof(name).address()), type);
    }

    private static String core(MethodHandle corename) {
        try {
            return ((MemorySegment) corename.invokeExact()).reinterpret(64).getString(0);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }
}
