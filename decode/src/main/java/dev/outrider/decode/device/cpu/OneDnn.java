package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.Failure;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;

/**
 * oneDNN's product of BF16 matrices with sums in F32 (C API of its version 3), which uses the CPU's own instructions for it.
 * JavaCPP unpacks the library; calls go through java.lang.foreign. As with {@link OpenBlas}, a call runs on the
 * thread that makes it.
 */
final class OneDnn {
    private static final int CPU = 1, IN_ORDER = 1, BF16 = 2, F32 = 3, SUCCESS = 0, OUT_OF_MEMORY = 1;
    private static final int SOURCE = 1, DESTINATION = 17, WEIGHTS = 33;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    /** dnnl_exec_arg_t: which argument, and its memory. */
    private static final long ARGUMENT = 16;

    private static final MethodHandle MEMORY_DESCRIPTOR, MATMUL, PRIMITIVE, MEMORY, EXECUTE, HANDLE, POST_OPS, SUM;
    private static final MethodHandle ATTRIBUTES, SET_POST_OPS, ONE_THREAD;
    private static final MethodHandle FREE_DESCRIPTOR, FREE_PRIMITIVE_DESCRIPTOR, FREE_PRIMITIVE, FREE_MEMORY;
    private static final MethodHandle FREE_POST_OPS, FREE_ATTRIBUTES;
    private static final long ENGINE, STREAM;
    /** And what it rests on. */
    private static final SymbolLookup LIBRARY = load();

    static {
        MEMORY_DESCRIPTOR = bind("dnnl_memory_desc_create_with_strides", LONG, INT, LONG, INT, LONG);
        MATMUL = bind("dnnl_matmul_primitive_desc_create", LONG, LONG, LONG, LONG, LONG, LONG, LONG);
        PRIMITIVE = bind("dnnl_primitive_create", LONG, LONG);
        MEMORY = bind("dnnl_memory_create", LONG, LONG, LONG, LONG);
        EXECUTE = bind("dnnl_primitive_execute", LONG, LONG, INT, LONG);
        HANDLE = bind("dnnl_memory_set_data_handle", LONG, LONG);
        POST_OPS = bind("dnnl_post_ops_create", LONG);
        SUM = bind("dnnl_post_ops_append_sum", LONG, ValueLayout.JAVA_FLOAT, INT, INT);
        ATTRIBUTES = bind("dnnl_primitive_attr_create", LONG);
        SET_POST_OPS = bind("dnnl_primitive_attr_set_post_ops", LONG, LONG);
        FREE_DESCRIPTOR = bind("dnnl_memory_desc_destroy", LONG);
        FREE_PRIMITIVE_DESCRIPTOR = bind("dnnl_primitive_desc_destroy", LONG);
        FREE_PRIMITIVE = bind("dnnl_primitive_destroy", LONG);
        FREE_MEMORY = bind("dnnl_memory_destroy", LONG);
        FREE_POST_OPS = bind("dnnl_post_ops_destroy", LONG);
        FREE_ATTRIBUTES = bind("dnnl_primitive_attr_destroy", LONG);
        ONE_THREAD =
                Linker.nativeLinker().downcallHandle(symbol("omp_set_num_threads"), FunctionDescriptor.ofVoid(INT));
        MethodHandle engine = bind("dnnl_engine_create", LONG, INT, LONG);
        MethodHandle stream = bind("dnnl_stream_create", LONG, LONG, INT);
        ENGINE = made(to -> (int) engine.invokeExact(to, CPU, 0L));
        STREAM = made(to -> (int) stream.invokeExact(to, ENGINE, IN_ORDER));
    }

    private OneDnn() {}

    /** The calling thread's products run on it alone; what it sets is the thread's own. */
    static void oneThread() {
        try {
            ONE_THREAD.invokeExact(1);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /**
     * c[m, n] = op(a) · op(b), or with what c holds added; op(a) is [m, k] and op(b) [k, n].
     *
     * @param lda elements from a row, as stored, to the next; likewise ldb and ldc
     */
    record Shape(
            boolean transposeA, boolean transposeB, int m, int n, int k, int lda, int ldb, int ldc, boolean added) {}

    /** A product that the library has made ready for one shape. One thread at a time uses it. */
    static final class Product implements AutoCloseable {
        private final Arena arena = Arena.ofShared();
        private final long primitive;
        private final long a;
        private final long b;
        private final long c;
        private final long arguments;

        Product(Shape s) {
            oneThread();
            long aShape = descriptor(BF16, s.m, s.k, s.lda, s.transposeA);
            long bShape = descriptor(BF16, s.k, s.n, s.ldb, s.transposeB);
            long cShape = descriptor(F32, s.m, s.n, s.ldc, false);
            long attributes = s.added ? adding() : 0;
            long ready = made(to -> (int) MATMUL.invokeExact(to, ENGINE, aShape, bShape, 0L, cShape, attributes));
            primitive = made(to -> (int) PRIMITIVE.invokeExact(to, ready));
            free(FREE_PRIMITIVE_DESCRIPTOR, ready);
            if (s.added) free(FREE_ATTRIBUTES, attributes);
            a = memory(aShape);
            b = memory(bShape);
            c = memory(cShape);
            arguments = arguments();
        }

        private long arguments() {
            MemorySegment all = arena.allocate(3 * ARGUMENT, 8);
            int[] which = {SOURCE, WEIGHTS, DESTINATION};
            long[] memory = {a, b, c};
            for (int i = 0; i < 3; i++) {
                all.set(INT, i * ARGUMENT, which[i]);
                all.set(LONG, i * ARGUMENT + 8, memory[i]);
            }
            return all.address();
        }

        /** Multiplies what lies at these addresses, BF16, BF16 and F32. */
        void run(long at, long with, long to) {
            try {
                ONE_THREAD.invokeExact(1);
                check((int) HANDLE.invokeExact(a, at));
                check((int) HANDLE.invokeExact(b, with));
                check((int) HANDLE.invokeExact(c, to));
                check((int) EXECUTE.invokeExact(primitive, STREAM, 3, arguments));
            } catch (Failure e) {
                throw e;
            } catch (Throwable t) {
                throw new AssertionError(t);
            }
        }

        @Override
        public void close() {
            free(FREE_PRIMITIVE, primitive);
            for (long memory : new long[] {a, b, c}) free(FREE_MEMORY, memory);
            arena.close();
        }
    }

    /** A matrix [rows, columns] of which each row, or if transposed each column, lies together. */
    private static long descriptor(int type, int rows, int columns, int stride, boolean transposed) {
        try (Arena arena = Arena.ofConfined()) {
            long shape = arena.allocateFrom(LONG, rows, columns).address();
            long strides = arena.allocateFrom(LONG, transposed ? 1 : stride, transposed ? stride : 1)
                    .address();
            return made(to -> (int) MEMORY_DESCRIPTOR.invokeExact(to, 2, shape, type, strides));
        }
    }

    /** Memory of this shape, at an address that is said later; the descriptor is freed. */
    private static long memory(long descriptor) {
        long memory = made(to -> (int) MEMORY.invokeExact(to, descriptor, ENGINE, 0L));
        free(FREE_DESCRIPTOR, descriptor);
        return memory;
    }

    private static long adding() {
        long sum = made(to -> (int) POST_OPS.invokeExact(to));
        long attributes = made(to -> (int) ATTRIBUTES.invokeExact(to));
        try {
            check((int) SUM.invokeExact(sum, 1f, 0, F32));
            check((int) SET_POST_OPS.invokeExact(attributes, sum));
        } catch (Failure e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
        free(FREE_POST_OPS, sum);
        return attributes;
    }

    private interface Maker {
        /** @param to where the address of what is made is written */
        int make(long to) throws Throwable;
    }

    private static long made(Maker maker) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(LONG);
            check(maker.make(made.address()));
            return made.get(LONG, 0);
        } catch (Failure e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static void free(MethodHandle by, long what) {
        try {
            check((int) by.invokeExact(what));
        } catch (Failure e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static void check(int status) {
        if (status == SUCCESS) return;
        if (status != OUT_OF_MEMORY) throw new AssertionError("oneDNN's status " + status);
        throw new Failure(
                Failure.Kind.MACHINE,
                "oneDNN",
                "no memory left",
                "room for a product's own",
                "Give the process more, or make micro_batch smaller.",
                null);
    }

    // Not by JavaCPP's loader, which wants OpenCL first; libgomp is looked for beside the library.
    private static SymbolLookup load() {
        try {
            unpacked("libgomp.so.1");
            return SymbolLookup.libraryLookup(unpacked("libdnnl.so.3"), Arena.global());
        } catch (IOException | IllegalArgumentException e) {
            throw new Failure(
                    Failure.Kind.MACHINE,
                    "oneDNN",
                    String.valueOf(e.getMessage()),
                    "the library of org.bytedeco:dnnl for " + Loader.getPlatform(),
                    "Add its jar for this platform, let JavaCPP write to its cache (~/.javacpp or"
                            + " -Dorg.bytedeco.javacpp.cachedir), or say precision: f32.",
                    e);
        }
    }

    private static Path unpacked(String library) throws IOException {
        String resource = "/org/bytedeco/dnnl/" + Loader.getPlatform() + "/" + library;
        File file = Loader.cacheResource(OneDnn.class, resource);
        if (file == null) throw new IOException("no " + resource + " on the class path");
        return file.toPath();
    }

    private static MethodHandle bind(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(symbol(name), FunctionDescriptor.of(INT, arguments));
    }

    private static MemorySegment symbol(String name) {
        return LIBRARY.findOrThrow(name);
    }
}
