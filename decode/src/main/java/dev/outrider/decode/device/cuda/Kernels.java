package dev.outrider.decode.device.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The kernels of the .cu files beside this class, a family a file, each compiled for the card when it is first used. */
final class Kernels {
    /** The families, in the order of their names. */
    static final List<String> FAMILIES = List.of(
            "attention",
            "columns",
            "elementwise",
            "embedding",
            "norms",
            "optimiser",
            "products",
            "rope",
            "self_attention",
            "skinny");

    /** Without fusing multiplications and additions that the sources do not fuse: bits are then those of the source. */
    static final List<String> OPTIONS = List.of("--std=c++17", "--fmad=false");

    /** Compiled images. */
    interface Compiler {
        CudaModule module(CudaContext context, String source, String name);
    }

    private final CudaContext context;
    private final Compiler compiler;
    private final Map<String, CudaModule> modules = new HashMap<>();

    Kernels(CudaContext context, Compiler compiler) {
        this.context = context;
        this.compiler = compiler;
    }

    /**
     * Code of the card's own kind where the compiler knows it; else PTX of the newest kind below it, which the driver
     * compiles.
     */
    static Compiler forCard(KernelCache cache, int[] architectures) {
        return (context, source, name) -> {
            CudaCard card = context.card();
            int own = 10 * card.major() + card.minor();
            if (Arrays.stream(architectures).anyMatch(a -> a == own)) {
                return context.load(cache.cubin(source, name, card.arch(), OPTIONS));
            }
            int below = IntStream.of(architectures).filter(a -> a < own).max().orElse(own);
            return context.load(cache.ptx(source, name, "compute_" + below, OPTIONS));
        };
    }

    /** A family's source, what all share in front. */
    static String source(String family) {
        return read("common.cu") + "\n#line 1 \"" + family + ".cu\"\n" + read(family + ".cu");
    }

    private static String read(String file) {
        try (InputStream in = Kernels.class.getResourceAsStream(file)) {
            if (in == null) throw new IllegalStateException("no " + file + " beside " + Kernels.class);
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Kernel kernel(String family, String name) {
        return new Kernel(family, name);
    }

    private CudaModule module(String family) {
        CudaModule known = modules.get(family);
        if (known == null) modules.put(family, known = compiler.module(context, source(family), family + ".cu"));
        return known;
    }

    /** One kernel. */
    final class Kernel {
        private final String family, name;
        private CudaFunction function;

        private Kernel(String family, String name) {
            this.family = family;
            this.name = name;
        }

        /** As {@link CudaFunction#launch(int, int, int, int, Object...)}. */
        void launch(int gridX, int gridY, int threads, int sharedBytes, Object... arguments) {
            if (function == null) function = module(family).function(name);
            function.launch(gridX, gridY, threads, sharedBytes, arguments);
        }

        /** A line of blocks, as many as it takes for so many threads; nothing where there are none. */
        void over(long count, int threads, Object... arguments) {
            if (count == 0) return;
            launch(Math.toIntExact((count + threads - 1) / threads), 1, threads, 0, arguments);
        }
    }
}
