package dev.outrider.decode.device.cuda;

import java.lang.invoke.MethodHandle;

/** One function of a {@link NativeLibrary}. {@code run} throws the library's Failure, {@code status} returns what it says. */
final class NativeCall {
    private final String name;
    private final MethodHandle handle;
    private final NativeLibrary.Explanation explanation;

    NativeCall(String name, MethodHandle handle, NativeLibrary.Explanation explanation) {
        this.name = name;
        this.handle = handle;
        this.explanation = explanation;
    }

    String name() {
        return name;
    }

    private void check(int status) {
        if (status != 0) throw explanation.of(name, status);
    }

    // Functions of C throw nothing; what a handle could throw is a wrong number of arguments.
    private static AssertionError impossible(Throwable t) {
        return new AssertionError(t);
    }

    int status(long a) {
        try {
            return (int) handle.invokeExact(a);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int status(long a, long b) {
        try {
            return (int) handle.invokeExact(a, b);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int status(long a, long b, long c) {
        try {
            return (int) handle.invokeExact(a, b, c);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int status(long a, long b, long c, long d) {
        try {
            return (int) handle.invokeExact(a, b, c, d);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    int status(long a, long b, long c, long d, long e) {
        try {
            return (int) handle.invokeExact(a, b, c, d, e);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    void run(long a) {
        check(status(a));
    }

    void run(long a, long b) {
        check(status(a, b));
    }

    void run(long a, long b, long c) {
        check(status(a, b, c));
    }

    void run(long a, long b, long c, long d) {
        check(status(a, b, c, d));
    }

    void run(long a, long b, long c, long d, long e) {
        check(status(a, b, c, d, e));
    }

    void run(long a, long b, long c, long d, long e, long f) {
        int status;
        try {
            status = (int) handle.invokeExact(a, b, c, d, e, f);
        } catch (Throwable t) {
            throw impossible(t);
        }
        check(status);
    }

    /** cublasLtMatmulAlgoGetHeuristic. */
    void run(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) {
        int status;
        try {
            status = (int) handle.invokeExact(a, b, c, d, e, f, g, h, i, j);
        } catch (Throwable t) {
            throw impossible(t);
        }
        check(status);
    }

    /** cuLaunchKernel. */
    void run(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k) {
        int status;
        try {
            status = (int) handle.invokeExact(a, b, c, d, e, f, g, h, i, j, k);
        } catch (Throwable t) {
            throw impossible(t);
        }
        check(status);
    }

    /** cublasLtMatmul. */
    void run(
            long a,
            long b,
            long c,
            long d,
            long e,
            long f,
            long g,
            long h,
            long i,
            long j,
            long k,
            long l,
            long m,
            long n,
            long o,
            long p) {
        int status;
        try {
            status = (int) handle.invokeExact(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
        } catch (Throwable t) {
            throw impossible(t);
        }
        check(status);
    }
}
