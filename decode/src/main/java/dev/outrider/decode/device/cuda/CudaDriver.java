package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/** The NVIDIA driver, initialised: which cards there are, and a context on one of them. */
public final class CudaDriver {
    private static final int OLDEST = 12_000;
    // CUdevice_attribute in cuda.h.
    private static final int CLOCK = 13,
            MULTIPROCESSORS = 16,
            MEMORY_CLOCK = 36,
            BUS = 37,
            L2 = 38,
            MAJOR = 75,
            MINOR = 76,
            SHARED_OPT_IN = 97;
    private static final int NAME_BYTES = 256;

    private final DriverApi api;
    private final int version;
    private final int count;

    private CudaDriver(DriverApi api) {
        this.api = api;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_LONG);
            api.driverVersion.run(number.address());
            version = number.get(ValueLayout.JAVA_INT, 0);
            if (version < OLDEST) throw old();
            count = start() ? count(number) : 0;
        }
    }

    /**
     * Initialises the driver.
     *
     * @param library libcuda
     * @throws Failure (machine) where it is older than CUDA 12 or does not start; a driver without a card is no failure
     */
    public static CudaDriver of(SymbolLookup library) {
        return new CudaDriver(new DriverApi(library));
    }

    private boolean start() {
        int status = api.init.status(0);
        if (status != 0 && status != DriverApi.NO_DEVICE) throw api.failure(api.init.name(), status);
        return status == 0;
    }

    private int count(MemorySegment number) {
        api.deviceCount.run(number.address());
        return number.get(ValueLayout.JAVA_INT, 0);
    }

    private Failure old() {
        return new Failure(
                Failure.Kind.MACHINE,
                "the CUDA driver",
                "one for CUDA " + versionText(),
                "CUDA 12 or 13",
                "Update the NVIDIA driver to version 525 or newer.",
                null);
    }

    /** The newest CUDA that the driver knows, as 12040 for 12.4. */
    public int version() {
        return version;
    }

    /** As "12.4". */
    public String versionText() {
        return versionText(version);
    }

    static String versionText(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }

    /** Cards that this process may use. */
    public int count() {
        return count;
    }

    /** @throws Failure (usage) where there is no card of that number */
    public CudaCard card(int ordinal) {
        if (ordinal < 0 || ordinal >= count) throw absent(ordinal);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment scratch = arena.allocate(NAME_BYTES, Long.BYTES);
            api.device.run(scratch.address(), ordinal);
            int device = scratch.get(ValueLayout.JAVA_INT, 0);
            api.deviceBytes.run(scratch.address(), device);
            long bytes = scratch.get(ValueLayout.JAVA_LONG, 0);
            int[] is = attributes(
                    scratch, device, MAJOR, MINOR, MULTIPROCESSORS, SHARED_OPT_IN, CLOCK, MEMORY_CLOCK, BUS, L2);
            api.deviceName.run(scratch.address(), NAME_BYTES, device);
            return new CudaCard(
                    ordinal, scratch.getString(0), is[0], is[1], bytes, is[2], is[3], is[4], is[5], is[6], is[7]);
        }
    }

    private int[] attributes(MemorySegment scratch, int device, int... attributes) {
        int[] values = new int[attributes.length];
        for (int i = 0; i < values.length; i++) {
            api.deviceAttribute.run(scratch.address(), attributes[i], device);
            values[i] = scratch.get(ValueLayout.JAVA_INT, 0);
        }
        return values;
    }

    private Failure absent(int ordinal) {
        return Failure.usage(
                "GPU " + ordinal,
                count == 0 ? "no card" : count == 1 ? "one card, of number 0" : count + " cards",
                "a card of that number",
                "See ./outrider devices; CUDA_VISIBLE_DEVICES may hide cards.");
    }

    /** The card's primary context, retained until it is closed, with a stream of its own. */
    public CudaContext context(int ordinal) {
        return CudaContext.of(api, card(ordinal));
    }
}
