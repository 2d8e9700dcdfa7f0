package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/**
 * The functions of libcuda that Outrider uses, as cuda.h of CUDA 12 declares them. Names with _v2 are what the
 * header's plain names stand for.
 */
final class DriverApi {
    static final int OUT_OF_MEMORY = 2, NO_DEVICE = 100;
    final NativeCall init, driverVersion;
    final NativeCall deviceCount, device, deviceName, deviceBytes, deviceAttribute;
    final NativeCall retain, release, setCurrent;
    final NativeCall allocate, free, memory, allocateHost, freeHost;
    final NativeCall toDevice, toHost, withinDevice, fill;
    final NativeCall createStream, synchronizeStream, destroyStream;
    final NativeCall createEvent, recordEvent, synchronizeEvent, elapsed, destroyEvent;
    final NativeCall loadModule, function, unloadModule, setFunctionAttribute, launchKernel;
    final NativeCall beginCapture, endCapture, instantiate, launchGraph, destroyGraph, destroyExecutable;
    private final NativeCall errorName, errorString;

    DriverApi(SymbolLookup symbols) {
        NativeLibrary cuda = new NativeLibrary(
                "the CUDA driver", symbols, "Update the NVIDIA driver to one for CUDA 12 or 13.", this::failure);
        errorName = cuda.call("cuGetErrorName", "ip");
        errorString = cuda.call("cuGetErrorString", "ip");
        init = cuda.call("cuInit", "i");
        driverVersion = cuda.call("cuDriverGetVersion", "p");
        deviceCount = cuda.call("cuDeviceGetCount", "p");
        device = cuda.call("cuDeviceGet", "pi");
        deviceName = cuda.call("cuDeviceGetName", "pii");
        deviceBytes = cuda.call("cuDeviceTotalMem_v2", "pi");
        deviceAttribute = cuda.call("cuDeviceGetAttribute", "pii");
        retain = cuda.call("cuDevicePrimaryCtxRetain", "pi");
        release = cuda.call("cuDevicePrimaryCtxRelease_v2", "i");
        setCurrent = cuda.call("cuCtxSetCurrent", "p");
        allocate = cuda.call("cuMemAlloc_v2", "pp");
        free = cuda.call("cuMemFree_v2", "p");
        memory = cuda.call("cuMemGetInfo_v2", "pp");
        allocateHost = cuda.call("cuMemHostAlloc", "ppi");
        freeHost = cuda.call("cuMemFreeHost", "p");
        toDevice = cuda.call("cuMemcpyHtoDAsync_v2", "pppp");
        toHost = cuda.call("cuMemcpyDtoHAsync_v2", "pppp");
        withinDevice = cuda.call("cuMemcpyDtoDAsync_v2", "pppp");
        fill = cuda.call("cuMemsetD8Async", "pipp");
        createStream = cuda.call("cuStreamCreate", "pi");
        synchronizeStream = cuda.call("cuStreamSynchronize", "p");
        destroyStream = cuda.call("cuStreamDestroy_v2", "p");
        createEvent = cuda.call("cuEventCreate", "pi");
        recordEvent = cuda.call("cuEventRecord", "pp");
        synchronizeEvent = cuda.call("cuEventSynchronize", "p");
        elapsed = cuda.call("cuEventElapsedTime", "ppp");
        destroyEvent = cuda.call("cuEventDestroy_v2", "p");
        loadModule = cuda.call("cuModuleLoadDataEx", "ppipp");
        function = cuda.call("cuModuleGetFunction", "ppp");
        unloadModule = cuda.call("cuModuleUnload", "p");
        setFunctionAttribute = cuda.call("cuFuncSetAttribute", "pii");
        launchKernel = cuda.call("cuLaunchKernel", "piiiiiiippp");
        beginCapture = cuda.call("cuStreamBeginCapture_v2", "pi");
        endCapture = cuda.call("cuStreamEndCapture", "pp");
        instantiate = cuda.call("cuGraphInstantiateWithFlags", "ppp");
        launchGraph = cuda.call("cuGraphLaunch", "pp");
        destroyGraph = cuda.call("cuGraphDestroy", "p");
        destroyExecutable = cuda.call("cuGraphExecDestroy", "p");
    }

    /** A failed call in the driver's own words. */
    Failure failure(String call, int status) {
        return failure(call, status, "");
    }

    /** @param details what else the driver said, or "" */
    Failure failure(String call, int status, String details) {
        return new Failure(
                Failure.Kind.MACHINE,
                "the CUDA driver",
                words(status) + " from " + call + (details.isBlank() ? "" : ":\n" + details.strip() + "\n"),
                "success",
                remedy(status),
                null);
    }

    private String words(int status) {
        String name = ask(errorName, status), meaning = ask(errorString, status);
        return (name.isEmpty() ? "error " + status : name) + (meaning.isEmpty() ? "" : " (" + meaning + ")");
    }

    private static String ask(NativeCall call, int status) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(ValueLayout.JAVA_LONG);
            return call.status(status, text.address()) == 0
                    ? NativeLibrary.text(text.get(ValueLayout.JAVA_LONG, 0))
                    : "";
        }
    }

    // Numbers of CUresult in cuda.h.
    private static String remedy(int status) {
        return switch (status) {
            case OUT_OF_MEMORY -> "Use a smaller model, batch or context, or end other programs on the card.";
            case NO_DEVICE, 101 -> "Check with nvidia-smi which cards there are, and CUDA_VISIBLE_DEVICES.";
            case 200, 209, 218, 222 ->
                "Driver and compiler do not fit together: update the NVIDIA driver, or use NVRTC of its CUDA version.";
            case 214, 700, 714, 715, 716, 717, 718, 719 ->
                "The card's memory is lost to this process; run again, and report it if it happens again.";
            case 803, 804 -> "Library and kernel module of the driver differ: restart the machine after an update.";
            default -> "Check the card and its driver with nvidia-smi.";
        };
    }
}
