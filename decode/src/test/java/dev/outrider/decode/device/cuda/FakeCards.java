package dev.outrider.decode.device.cuda;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** The part of {@link FakeDriver} that is about the machine: errors' names, cards and their contexts. */
abstract class FakeCards extends FakeLibrary {
    static final int INVALID_VALUE = 1,
            OUT_OF_MEMORY = 2,
            NO_DEVICE = 100,
            INVALID_DEVICE = 101,
            INVALID_CONTEXT = 201,
            INVALID_PTX = 218,
            INVALID_HANDLE = 400,
            NOT_FOUND = 500,
            ILLEGAL_ADDRESS = 700,
            CAPTURE_UNSUPPORTED = 900,
            UNKNOWN = 999;

    /** Cards of the machine, and bytes of each. */
    int cards = 1;

    long bytes = 1L << 32;
    int version = 12_080;
    String name = "Fake H100";
    int major = 9, minor = 0, multiprocessors = 132;

    private final Map<Long, Integer> retained = new HashMap<>();
    private final ThreadLocal<Long> current = ThreadLocal.withInitial(() -> 0L);
    private boolean initialised;

    FakeCards() {
        super("cu", UNKNOWN);
    }

    /** Retained and not released. */
    final int contexts() {
        return retained.values().stream().mapToInt(i -> i).sum();
    }

    final void dropContexts() {
        retained.clear();
    }

    /** Whether this thread has a context. */
    final boolean isEntered() {
        return current.get() != 0;
    }

    public int cuInit(int flags) {
        if (cards == 0) return NO_DEVICE;
        initialised = true;
        return 0;
    }

    public int cuDriverGetVersion(long out) {
        putInt(out, version);
        return 0;
    }

    public int cuGetErrorName(int status, long out) {
        String name = NAMES.get(status);
        if (name == null) return INVALID_VALUE;
        putLong(out, text("CUDA_ERROR_" + name));
        return 0;
    }

    public int cuGetErrorString(int status, long out) {
        String name = NAMES.get(status);
        if (name == null) return INVALID_VALUE;
        putLong(out, text(name.toLowerCase(Locale.ROOT).replace('_', ' ')));
        return 0;
    }

    private static final Map<Integer, String> NAMES = Map.of(
            INVALID_VALUE, "INVALID_VALUE",
            OUT_OF_MEMORY, "OUT_OF_MEMORY",
            NO_DEVICE, "NO_DEVICE",
            INVALID_CONTEXT, "INVALID_CONTEXT",
            INVALID_PTX, "INVALID_PTX",
            INVALID_HANDLE, "INVALID_HANDLE",
            NOT_FOUND, "NOT_FOUND",
            ILLEGAL_ADDRESS, "ILLEGAL_ADDRESS",
            CAPTURE_UNSUPPORTED, "STREAM_CAPTURE_UNSUPPORTED",
            UNKNOWN, "UNKNOWN");

    public int cuDeviceGetCount(long out) {
        if (!initialised) return complain(INVALID_VALUE, "cuDeviceGetCount before cuInit");
        putInt(out, cards);
        return 0;
    }

    public int cuDeviceGet(long out, int ordinal) {
        if (ordinal < 0 || ordinal >= cards) return complain(INVALID_DEVICE, "device " + ordinal);
        putInt(out, ordinal);
        return 0;
    }

    public int cuDeviceGetName(long out, int bytes, int device) {
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        memory(out, bytes).fill((byte) 0).asByteBuffer().put(text);
        return 0;
    }

    public int cuDeviceTotalMem_v2(long out, int device) {
        putLong(out, bytes);
        return 0;
    }

    public int cuDeviceGetAttribute(long out, int attribute, int device) {
        Integer value = Map.of(
                        13,
                        1_980_000,
                        16,
                        multiprocessors,
                        36,
                        2_619_000,
                        37,
                        5120,
                        38,
                        50 << 20,
                        75,
                        major,
                        76,
                        minor,
                        97,
                        227 << 10)
                .get(attribute);
        if (value == null) return complain(INVALID_VALUE, "attribute " + attribute);
        putInt(out, value);
        return 0;
    }

    private static long contextOf(int device) {
        return 0x100 + device;
    }

    public int cuDevicePrimaryCtxRetain(long out, int device) {
        retained.merge(contextOf(device), 1, Integer::sum);
        putLong(out, contextOf(device));
        return 0;
    }

    public int cuDevicePrimaryCtxRelease_v2(int device) {
        if (retained.merge(contextOf(device), -1, Integer::sum) < 0)
            return complain(INVALID_CONTEXT, "context released too often");
        return 0;
    }

    public int cuCtxSetCurrent(long context) {
        if (context != 0 && retained.getOrDefault(context, 0) == 0)
            return complain(INVALID_CONTEXT, "context " + context + " made current");
        current.set(context);
        return 0;
    }
}
