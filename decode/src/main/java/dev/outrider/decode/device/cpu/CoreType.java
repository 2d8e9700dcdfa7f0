package dev.outrider.decode.device.cpu;

import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mends a core type in the environment that is below what the CPU can do. OPENBLAS_CORETYPE overrides
 * OpenBLAS' own detection, is often inherited from another machine or a build script, and halves the
 * speed of every product where it names AVX2 kernels on an AVX-512 CPU. Works only before the library
 * is loaded.
 */
final class CoreType {
    private static final Logger LOG = LoggerFactory.getLogger(CoreType.class);
    private static final String VARIABLE = "OPENBLAS_CORETYPE";
    private static final List<String> AVX512 = List.of("avx512f", "avx512cd", "avx512dq", "avx512bw", "avx512vl");
    private static final Set<String> WIDE = Set.of("skylakex", "cooperlake", "sapphirerapids");
    private static final Set<String> MIDDLE = Set.of("haswell", "zen");

    private CoreType() {}

    /** Replaces the hint, if there is one and it is too low, in this process's own environment. */
    static void mend() {
        String hint = System.getenv(VARIABLE);
        if (hint == null) return;
        better(hint, flags()).ifPresent(name -> {
            LOG.info("{}={} is below what this CPU can do; using {}", VARIABLE, hint, name);
            set(name);
        });
    }

    /** The core type to use in place of the hint, or nothing where the hint is as good as the flags. */
    static Optional<String> better(String hint, Set<String> flags) {
        String name = hint.toLowerCase(Locale.ROOT);
        boolean wide = flags.containsAll(AVX512);
        if (wide && !WIDE.contains(name)) {
            return Optional.of(flags.contains("avx512_bf16") ? "Cooperlake" : "SkylakeX");
        }
        boolean middle = flags.contains("avx2") && flags.contains("fma");
        if (middle && !WIDE.contains(name) && !MIDDLE.contains(name)) return Optional.of("Haswell");
        return Optional.empty();
    }

    /** Whether a CPU of these flags has instructions for products of BF16 with sums in F32. */
    static boolean multipliesBf16(Set<String> flags) {
        return flags.contains("avx512_bf16") || flags.contains("amx_bf16");
    }

    /** @throws Failure (machine) where this CPU has none */
    static void requireBf16() {
        if (multipliesBf16(flags())) return;
        throw new Failure(
                Failure.Kind.MACHINE,
                "precision: bf16",
                "a CPU that does not multiply BF16",
                "AVX512_BF16 or AMX (AMD from Zen 4, Intel from Cooper Lake), on Linux",
                "Say precision: f32.",
                null);
    }

    /** The flags of the first CPU as Linux lists them; empty elsewhere. */
    static Set<String> flags() {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            String line = lines.filter(l -> l.startsWith("flags")).findFirst().orElse("");
            return Arrays.stream(line.split("\\s+")).collect(Collectors.toSet());
        } catch (IOException e) {
            return Set.of();
        }
    }

    private static void set(String value) {
        Linker linker = Linker.nativeLinker();
        var type = FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
        try (Arena arena = Arena.ofConfined()) {
            var setenv = linker.downcallHandle(linker.defaultLookup().findOrThrow("setenv"), type);
            int failed = (int) setenv.invokeExact(arena.allocateFrom(VARIABLE), arena.allocateFrom(value), 1);
            if (failed != 0) LOG.warn("setenv of {} failed; products run at the speed of the old value", VARIABLE);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }
}
