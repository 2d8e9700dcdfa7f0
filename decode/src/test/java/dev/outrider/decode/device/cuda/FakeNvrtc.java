package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** NVRTC in Java, which compiles nothing: programs become texts that tell what was asked for; one with "error" in it fails. */
final class FakeNvrtc extends FakeLibrary {
    int major = 12, minor = 8;
    private long next = 0x9000;
    private final Map<Long, String> sources = new HashMap<>();
    private final Map<Long, String> options = new HashMap<>();

    FakeNvrtc() {
        super("nvrtc", 11);
    }

    int leaks() {
        return sources.size();
    }

    public long nvrtcGetErrorString(int status) {
        return text(status == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_" + status);
    }

    public int nvrtcVersion(long majorOut, long minorOut) {
        putInt(majorOut, major);
        putInt(minorOut, minor);
        return 0;
    }

    public int nvrtcGetNumSupportedArchs(long out) {
        putInt(out, 2);
        return 0;
    }

    public int nvrtcGetSupportedArchs(long out) {
        putInt(out, 90);
        putInt(out + 4, 80);
        return 0;
    }

    public int nvrtcCreateProgram(long out, long source, long name, int headers, long contents, long names) {
        sources.put(next, memory(source, Long.MAX_VALUE).getString(0));
        putLong(out, next++);
        return 0;
    }

    public int nvrtcDestroyProgram(long handle) {
        return sources.remove(longAt(handle)) == null ? complain(4, "program destroyed twice") : 0;
    }

    public int nvrtcCompileProgram(long program, int count, long texts) {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < count; i++)
            all.append(memory(longAt(texts + 8L * i), Long.MAX_VALUE).getString(0))
                    .append('\n');
        options.put(program, all.toString());
        return sources.get(program).contains("error") ? 6 : 0;
    }

    private String log(long program) {
        return "given.cu(3): error: identifier \"error\" is undefined\n";
    }

    private String image(long program) {
        return "// " + options.get(program) + sources.get(program);
    }

    private static int size(long out, String text) {
        putLong(out, text.length() + 1);
        return 0;
    }

    private static int bytes(long out, String text) {
        memory(out, text.length() + 1).copyFrom(MemorySegment.ofArray((text + "\0").getBytes(StandardCharsets.UTF_8)));
        return 0;
    }

    public int nvrtcGetProgramLogSize(long program, long out) {
        return size(out, log(program));
    }

    public int nvrtcGetProgramLog(long program, long out) {
        return bytes(out, log(program));
    }

    public int nvrtcGetPTXSize(long program, long out) {
        return size(out, image(program));
    }

    public int nvrtcGetPTX(long program, long out) {
        return bytes(out, image(program));
    }

    public int nvrtcGetCUBINSize(long program, long out) {
        return size(out, image(program));
    }

    public int nvrtcGetCUBIN(long program, long out) {
        return bytes(out, image(program));
    }
}
