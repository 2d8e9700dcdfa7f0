package dev.outrider.decode.device;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cuda.CudaDevice;
import dev.outrider.decode.device.cuda.CudaLibraries;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Devices by the names that users give them: {@code cpu}, {@code cuda}, {@code cuda:1} for the second card. */
public final class Devices {
    /** For messages and options. */
    public static final String NAMES = "cpu, cuda, or cuda:1 for the second card";

    private static final Pattern NAME = Pattern.compile("cpu|cuda(?::([0-9]{1,3}))?");

    private Devices() {}

    /** Whether a device can have this name; not whether it is there. */
    public static boolean named(String name) {
        return NAME.matcher(name).matches();
    }

    /** As {@link #open(String, int, Precision)}, in F32. */
    public static Device open(String name, int threads) {
        return open(name, threads, Precision.F32);
    }

    /**
     * Opens it.
     *
     * @param threads of the cpu; 0: all processors
     * @throws Failure USAGE for another name, MACHINE where the card or its libraries are not there, or the cpu has no
     *     devices of this precision
     */
    public static Device open(String name, int threads, Precision precision) {
        Matcher named = NAME.matcher(name);
        if (!named.matches()) throw Failure.usage("device", name, NAMES, "Name one of them.");
        if (name.equals("cpu")) {
            int all = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
            return precision == Precision.F32 ? CpuDevice.decoding(all) : new CpuDevice(all, precision);
        }
        int card = named.group(1) == null ? 0 : Integer.parseInt(named.group(1));
        return CudaDevice.open(CudaLibraries.ofThisMachine(), card, precision);
    }
}
