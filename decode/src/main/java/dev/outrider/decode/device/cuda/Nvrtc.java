package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** NVIDIA's compiler as a library (NVRTC 12 or 13): CUDA C++ to PTX or to a card's own code. Needs no card. */
public final class Nvrtc {
    private static final int COMPILATION = 6; // NVRTC_ERROR_COMPILATION in nvrtc.h
    private static final Pattern ERROR = Pattern.compile("(?m)^(\\S+)\\((\\d+)\\): (?:catastrophic )?error");

    private final NativeCall version, create, destroy, compile, architectures, architectureCount;
    private final Output log, ptx, cubin;
    private final MethodHandle words;

    /** One of a program's results: the call for its size, and the one for the bytes. */
    private record Output(NativeCall size, NativeCall bytes) {}

    private Nvrtc(SymbolLookup symbols) {
        NativeLibrary nvrtc = new NativeLibrary("NVRTC", symbols, "Use NVRTC of CUDA 12 or 13.", this::failure);
        words = nvrtc.handle("nvrtcGetErrorString", ValueLayout.JAVA_LONG, "i");
        version = nvrtc.call("nvrtcVersion", "pp");
        create = nvrtc.call("nvrtcCreateProgram", "pppipp");
        destroy = nvrtc.call("nvrtcDestroyProgram", "p");
        compile = nvrtc.call("nvrtcCompileProgram", "pip");
        architectureCount = nvrtc.call("nvrtcGetNumSupportedArchs", "p");
        architectures = nvrtc.call("nvrtcGetSupportedArchs", "p");
        log = new Output(nvrtc.call("nvrtcGetProgramLogSize", "pp"), nvrtc.call("nvrtcGetProgramLog", "pp"));
        ptx = new Output(nvrtc.call("nvrtcGetPTXSize", "pp"), nvrtc.call("nvrtcGetPTX", "pp"));
        cubin = new Output(nvrtc.call("nvrtcGetCUBINSize", "pp"), nvrtc.call("nvrtcGetCUBIN", "pp"));
    }

    /** @throws Failure (machine) where the library lacks a function */
    public static Nvrtc of(SymbolLookup library) {
        return new Nvrtc(library);
    }

    /** Major and minor. */
    public int[] version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, 2);
            version.run(out.address(), out.address() + Integer.BYTES);
            return out.toArray(ValueLayout.JAVA_INT);
        }
    }

    /** As "12.9". */
    public String versionText() {
        int[] v = version();
        return v[0] + "." + v[1];
    }

    /** The compute capabilities that it compiles for, as 90 for sm_90, ascending. */
    public int[] architectures() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            architectureCount.run(count.address());
            MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, count.get(ValueLayout.JAVA_INT, 0));
            architectures.run(out.address());
            return Arrays.stream(out.toArray(ValueLayout.JAVA_INT)).sorted().toArray();
        }
    }

    /**
     * The program as PTX, which the driver compiles for any card from that capability on.
     *
     * @param name for messages, such as norm.cu
     * @param arch as compute_80
     * @throws Failure (machine) with the compiler's log
     */
    public String ptx(String source, String name, String arch, List<String> options) {
        byte[] text = compile(source, name, arch, options, ptx);
        int end = text.length;
        while (end > 0 && text[end - 1] == 0) end--;
        return new String(text, 0, end, StandardCharsets.UTF_8);
    }

    /**
     * The program as code of cards of one capability.
     *
     * @param arch as sm_90
     * @throws Failure as {@link #ptx}
     */
    public byte[] cubin(String source, String name, String arch, List<String> options) {
        return compile(source, name, arch, options, cubin);
    }

    private byte[] compile(String source, String name, String arch, List<String> options, Output wanted) {
        known(name, arch);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(ValueLayout.JAVA_LONG);
            MemorySegment text = arena.allocateFrom(source), named = arena.allocateFrom(name);
            create.run(handle.address(), text.address(), named.address(), 0, 0, 0);
            long program = handle.get(ValueLayout.JAVA_LONG, 0);
            try {
                MemorySegment flags =
                        strings(arena, Stream.concat(Stream.of("--gpu-architecture=" + arch), options.stream()));
                int status = compile.status(program, flags.byteSize() / Long.BYTES, flags.address());
                if (status != 0)
                    throw refused(name, arch, status, new String(read(program, log), StandardCharsets.UTF_8));
                return read(program, wanted);
            } finally {
                destroy.status(handle.address());
            }
        }
    }

    private static MemorySegment strings(Arena arena, Stream<String> texts) {
        long[] addresses = texts.mapToLong(t -> arena.allocateFrom(t).address()).toArray();
        return arena.allocateFrom(ValueLayout.JAVA_LONG, addresses);
    }

    private static byte[] read(long program, Output output) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
            output.size.run(program, size.address());
            MemorySegment bytes = arena.allocate(Math.max(1, size.get(ValueLayout.JAVA_LONG, 0)));
            output.bytes.run(program, bytes.address());
            return bytes.asSlice(0, size.get(ValueLayout.JAVA_LONG, 0)).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    // CUDA 13 compiles for sm_75 and newer only; NVRTC's own word for it is "invalid value for --gpu-architecture".
    private void known(String name, String arch) {
        String number = arch.replaceAll("\\D", "");
        int[] all = architectures();
        if (IntStream.of(all).anyMatch(a -> Integer.toString(a).equals(number))) return;
        String list = IntStream.of(all).mapToObj(a -> "sm_" + a).collect(Collectors.joining(", "));
        throw new Failure(
                Failure.Kind.MACHINE,
                "NVRTC " + versionText() + ", " + name,
                arch,
                "one of " + list,
                "Use another version of NVRTC: 12 for cards older than sm_75, the newest for cards newer than these.",
                null);
    }

    private Failure refused(String name, String arch, int status, String logged) {
        String text = logged.replace("\0", "").strip();
        Matcher first = ERROR.matcher(text);
        String place = status == COMPILATION && first.find() ? first.group(1) + ", line " + first.group(2) : name;
        return new Failure(
                Failure.Kind.MACHINE,
                place,
                NativeLibrary.text(words, status) + " for " + arch + ":\n" + text + "\n",
                "a program that NVRTC " + versionText() + " compiles",
                "Use another version of NVRTC (12 or 13), and report this.",
                null);
    }

    private Failure failure(String call, int status) {
        return new Failure(
                Failure.Kind.MACHINE,
                "NVRTC",
                NativeLibrary.text(words, status) + " from " + call,
                "success",
                "Check that NVRTC's files are of one version and complete (libnvrtc and libnvrtc-builtins).",
                null);
    }
}
