package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.cuda.PtxEntries.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * libcuda in Java, for tests without a card: the card's memory is the host's, modules are PTX, and kernels are run by
 * {@link Kernels}. Work on a stream is done as late as the driver may do it, when somebody waits for it, so that a program that
 * reads before it waits sees old bytes. What a driver would refuse is refused, and noted among the complaints: handles
 * that are unknown or destroyed, copies out of bounds, calls without a current context, or within a capture.
 */
final class FakeDriver extends FakeCards {
    private static final int STATIC_SHARED_LIMIT = 48 << 10;

    /** Runs what was compiled. */
    interface Kernels {
        /** @throws IllegalArgumentException where the PTX is none */
        void load(long module, String ptx);

        /** @param params the arguments laid out as in .param space */
        void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params);
    }

    private final Kernels kernels;
    final FakeMemory device = new FakeMemory(), pinned = new FakeMemory();
    private long nextHandle = 0x1000;
    private final Map<Long, Module> modules = new HashMap<>();
    private final Map<Long, Function> functions = new HashMap<>();
    private final Map<Long, Stream> streams = new HashMap<>();
    private final Map<Long, Event> events = new HashMap<>();
    private final Map<Long, List<Runnable>> graphs = new HashMap<>(), executables = new HashMap<>();
    /** Once a kernel went wrong, every call returns it, as with a real card. */
    private int sticky;

    FakeDriver(Kernels kernels) {
        this.kernels = kernels;
    }

    /** Without kernels: whatever is launched is noted only. */
    FakeDriver() {
        this(new Noted());
    }

    /** Takes any PTX that declares an entry, and does nothing. */
    static final class Noted implements Kernels {
        final List<String> launched = new ArrayList<>();

        @Override
        public void load(long module, String ptx) {
            if (!ptx.contains(".entry")) throw new IllegalArgumentException("no .entry");
        }

        @Override
        public void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params) {
            launched.add(function);
        }
    }

    private record Module(Map<String, List<Parameter>> entries) {}

    private static final class Function {
        final long module;
        final String name;
        int sharedLimit = STATIC_SHARED_LIMIT;

        Function(long module, String name) {
            this.module = module;
            this.name = name;
        }
    }

    private static final class Stream {
        final List<Runnable> pending = new ArrayList<>();
        List<Runnable> captured;
    }

    private static final class Event {
        Stream stream;
        long stamp = -1;
        boolean timing;
    }

    /** What is not released, in words; empty when all is. */
    String leaks() {
        StringBuilder all = new StringBuilder();
        leak(all, "device blocks", device.count());
        leak(all, "pinned blocks", pinned.count());
        leak(all, "contexts", contexts());
        leak(all, "modules", modules.size());
        leak(all, "streams", streams.size());
        leak(all, "events", events.size());
        leak(all, "graphs", graphs.size());
        leak(all, "executables", executables.size());
        return all.toString();
    }

    /** Forgets what is not released, for a fresh start. */
    void dropAll() {
        device.clear();
        pinned.clear();
        dropContexts();
        for (Map<Long, ?> all : List.of(modules, functions, streams, events, graphs, executables)) all.clear();
    }

    private static void leak(StringBuilder all, String what, int count) {
        if (count > 0)
            all.append(all.isEmpty() ? "" : ", ").append(count).append(' ').append(what);
    }

    // A capture ends however its end does.
    @Override
    void madeToFail(String function) {
        if (function.equals("cuStreamEndCapture")) streams.values().forEach(s -> s.captured = null);
    }

    // ---- memory -------------------------------------------------------------------------------

    public int cuMemAlloc_v2(long out, long size) {
        int status = outsideCaptures("cuMemAlloc");
        if (status != 0) return status;
        if (size <= 0) return complain(INVALID_VALUE, "cuMemAlloc of " + size);
        if (device.used() + size > bytes) return OUT_OF_MEMORY;
        putLong(out, device.allocate(size));
        return 0;
    }

    public int cuMemFree_v2(long address) {
        int status = outsideCaptures("cuMemFree");
        finish();
        return device.free(address) ? status : complain(INVALID_VALUE, "free of " + address);
    }

    public int cuMemGetInfo_v2(long free, long total) {
        putLong(free, bytes - device.used());
        putLong(total, bytes);
        return usable("cuMemGetInfo");
    }

    public int cuMemHostAlloc(long out, long size, int flags) {
        int status = outsideCaptures("cuMemHostAlloc");
        if (status != 0) return status;
        putLong(out, pinned.allocate(size));
        return 0;
    }

    public int cuMemFreeHost(long address) {
        finish();
        return pinned.free(address) ? 0 : complain(INVALID_VALUE, "host free of " + address);
    }

    public int cuMemcpyHtoDAsync_v2(long to, long from, long size, long stream) {
        if (!device.holds(to, size)) return complain(INVALID_VALUE, "copy to " + to + ", " + size + " bytes");
        if (pinned.knows(from) && !pinned.holds(from, size))
            return complain(INVALID_VALUE, "copy beyond pinned memory");
        if (pinned.knows(from)) return enqueue(stream, () -> move(from, to, size));
        byte[] now = memory(from, size).toArray(ValueLayout.JAVA_BYTE);
        return enqueue(stream, () -> memory(to, size).copyFrom(MemorySegment.ofArray(now)));
    }

    public int cuMemcpyDtoHAsync_v2(long to, long from, long size, long stream) {
        if (!device.holds(from, size)) return complain(INVALID_VALUE, "copy from " + from + ", " + size + " bytes");
        if (pinned.knows(to) && !pinned.holds(to, size)) return complain(INVALID_VALUE, "copy beyond pinned memory");
        return enqueue(stream, () -> move(from, to, size));
    }

    public int cuMemcpyDtoDAsync_v2(long to, long from, long size, long stream) {
        if (!device.holds(from, size) || !device.holds(to, size))
            return complain(INVALID_VALUE, "copy from " + from + " to " + to + ", " + size + " bytes");
        return enqueue(stream, () -> move(from, to, size));
    }

    public int cuMemsetD8Async(long to, int value, long size, long stream) {
        if (!device.holds(to, size)) return complain(INVALID_VALUE, "memset of " + to + ", " + size + " bytes");
        return enqueue(stream, () -> memory(to, size).fill((byte) value));
    }

    private static void move(long from, long to, long size) {
        MemorySegment.copy(memory(from, size), 0, memory(to, size), 0, size);
    }

    // ---- streams and events -----------------------------------------------------------------------

    public int cuStreamCreate(long out, int flags) {
        return make(out, streams, new Stream(), "cuStreamCreate");
    }

    public int cuStreamSynchronize(long stream) {
        Stream s = streams.get(stream);
        if (s == null) return complain(INVALID_HANDLE, "synchronize of stream " + stream);
        int status = outsideCaptures("cuStreamSynchronize");
        if (status != 0) return status;
        finish(s);
        return sticky;
    }

    public int cuStreamDestroy_v2(long stream) {
        Stream s = streams.remove(stream);
        if (s == null) return complain(INVALID_HANDLE, "destroy of stream " + stream);
        finish(s);
        return usable("cuStreamDestroy");
    }

    public int cuEventCreate(long out, int flags) {
        Event event = new Event();
        event.timing = (flags & 2) == 0;
        return make(out, events, event, "cuEventCreate");
    }

    public int cuEventRecord(long event, long stream) {
        Event e = events.get(event);
        if (e == null) return complain(INVALID_HANDLE, "record of event " + event);
        e.stream = streams.get(stream);
        return enqueue(stream, () -> e.stamp = System.nanoTime());
    }

    public int cuEventSynchronize(long event) {
        Event e = events.get(event);
        if (e == null) return complain(INVALID_HANDLE, "synchronize of event " + event);
        if (e.stream != null) finish(e.stream);
        return usable("cuEventSynchronize");
    }

    public int cuEventElapsedTime(long out, long begin, long end) {
        Event b = events.get(begin), e = events.get(end);
        if (b == null || e == null || !b.timing || !e.timing || b.stamp < 0 || e.stamp < 0)
            return complain(INVALID_HANDLE, "elapsed time of events that were not recorded");
        memory(out, 4).set(ValueLayout.JAVA_FLOAT, 0, (e.stamp - b.stamp) / 1e6f);
        return 0;
    }

    public int cuEventDestroy_v2(long event) {
        return events.remove(event) == null ? complain(INVALID_HANDLE, "destroy of event " + event) : 0;
    }

    // ---- modules and launches -----------------------------------------------------------------------

    public int cuModuleLoadDataEx(long out, long image, int count, long options, long values) {
        int status = outsideCaptures("cuModuleLoadDataEx");
        if (status != 0) return status;
        String ptx = memory(image, Long.MAX_VALUE).getString(0);
        long handle = nextHandle++;
        try {
            kernels.load(handle, ptx);
        } catch (IllegalArgumentException e) {
            log(count, options, values, "ptxas fatal: " + e.getMessage());
            return INVALID_PTX;
        }
        modules.put(handle, new Module(PtxEntries.of(ptx)));
        putLong(out, handle);
        return 0;
    }

    // CU_JIT_ERROR_LOG_BUFFER is 5 and its size 6, an int in the pointer's bits.
    private static void log(int count, long options, long values, String text) {
        long buffer = 0, size = 0;
        for (int i = 0; i < count; i++) {
            if (intAt(options + 4L * i) == 5) buffer = longAt(values + 8L * i);
            if (intAt(options + 4L * i) == 6) size = longAt(values + 8L * i);
        }
        if (buffer != 0 && text.length() < size) memory(buffer, size).setString(0, text);
    }

    public int cuModuleGetFunction(long out, long module, long name) {
        Module m = modules.get(module);
        if (m == null) return complain(INVALID_HANDLE, "function of module " + module);
        String text = memory(name, Long.MAX_VALUE).getString(0);
        if (!m.entries.containsKey(text)) return NOT_FOUND;
        return make(out, functions, new Function(module, text), "cuModuleGetFunction");
    }

    public int cuModuleUnload(long module) {
        finish();
        functions.values().removeIf(f -> f.module == module);
        return modules.remove(module) == null ? complain(INVALID_HANDLE, "unload of module " + module) : 0;
    }

    public int cuFuncSetAttribute(long function, int attribute, int value) {
        Function f = functions.get(function);
        if (f == null || attribute != 8 || value > 227 << 10) return complain(INVALID_VALUE, "cuFuncSetAttribute");
        f.sharedLimit = value;
        return 0;
    }

    public int cuLaunchKernel(
            long function,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int blockY,
            int blockZ,
            int shared,
            long stream,
            long arguments,
            long extra) {
        Function f = functions.get(function);
        if (f == null) return complain(INVALID_HANDLE, "launch of function " + function);
        int[] grid = {gridX, gridY, gridZ}, block = {blockX, blockY, blockZ};
        if (Math.min(gridX, Math.min(gridY, gridZ)) < 1 || Math.min(blockX, Math.min(blockY, blockZ)) < 1)
            return complain(INVALID_VALUE, f.name + ": an empty grid or block");
        if (gridY > 65_535 || gridZ > 65_535 || (long) blockX * blockY * blockZ > 1024 || blockZ > 64)
            return complain(INVALID_VALUE, f.name + ": too large a grid or block");
        if (shared > f.sharedLimit) return complain(INVALID_VALUE, f.name + ": " + shared + " bytes of shared memory");
        byte[] parameters = parameters(modules.get(f.module).entries.get(f.name), arguments);
        return enqueue(stream, () -> run(f, grid, block, shared, parameters));
    }

    // As the driver does it: each argument is copied now, as many bytes as the kernel's parameter has.
    private static byte[] parameters(List<Parameter> layout, long arguments) {
        int bytes = layout.isEmpty()
                ? 0
                : layout.getLast().offset() + layout.getLast().bytes();
        byte[] all = new byte[bytes];
        for (int i = 0; i < layout.size(); i++) {
            Parameter p = layout.get(i);
            MemorySegment value = memory(longAt(arguments + 8L * i), p.bytes());
            MemorySegment.copy(value, 0, MemorySegment.ofArray(all), p.offset(), p.bytes());
        }
        return all;
    }

    private void run(Function f, int[] grid, int[] block, int shared, byte[] parameters) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment native8 = arena.allocate(Math.max(8, parameters.length), 8);
            native8.copyFrom(MemorySegment.ofArray(parameters));
            kernels.launch(f.module, f.name, grid, block, shared, native8.asSlice(0, parameters.length));
        } catch (RuntimeException | Error e) {
            sticky = complain(ILLEGAL_ADDRESS, f.name + ": " + e);
        }
    }

    // ---- graphs -----------------------------------------------------------------------------------

    public int cuStreamBeginCapture_v2(long stream, int mode) {
        Stream s = streams.get(stream);
        if (s == null || s.captured != null) return complain(INVALID_VALUE, "begin of a capture");
        s.captured = new ArrayList<>();
        return usable("cuStreamBeginCapture");
    }

    public int cuStreamEndCapture(long stream, long out) {
        Stream s = streams.get(stream);
        if (s == null || s.captured == null) return complain(INVALID_VALUE, "end of no capture");
        List<Runnable> captured = s.captured;
        s.captured = null;
        return make(out, graphs, captured, "cuStreamEndCapture");
    }

    public int cuGraphInstantiateWithFlags(long out, long graph, long flags) {
        List<Runnable> g = graphs.get(graph);
        if (g == null) return complain(INVALID_HANDLE, "instantiation of graph " + graph);
        return make(out, executables, List.copyOf(g), "cuGraphInstantiate");
    }

    public int cuGraphLaunch(long executable, long stream) {
        List<Runnable> g = executables.get(executable);
        if (g == null) return complain(INVALID_HANDLE, "launch of graph " + executable);
        return enqueue(stream, () -> g.forEach(Runnable::run));
    }

    public int cuGraphDestroy(long graph) {
        return graphs.remove(graph) == null ? complain(INVALID_HANDLE, "destroy of graph " + graph) : 0;
    }

    public int cuGraphExecDestroy(long executable) {
        finish();
        return executables.remove(executable) == null
                ? complain(INVALID_HANDLE, "destroy of executable " + executable)
                : 0;
    }

    // ---- work -------------------------------------------------------------------------------------

    /** Work for a stream, now or in the graph that is captured; also for libraries on top of the driver. */
    int enqueue(long stream, Runnable work) {
        Stream s = streams.get(stream);
        if (s == null) return complain(INVALID_HANDLE, "work for stream " + stream);
        int status = usable("work");
        if (status == 0) (s.captured == null ? s.pending : s.captured).add(work);
        return status;
    }

    private void finish(Stream stream) {
        List<Runnable> work = List.copyOf(stream.pending);
        stream.pending.clear();
        for (Runnable one : work) if (sticky == 0) one.run();
    }

    private void finish() {
        streams.values().forEach(this::finish);
    }

    private int outsideCaptures(String call) {
        boolean capturing = streams.values().stream().anyMatch(s -> s.captured != null);
        return capturing ? complain(CAPTURE_UNSUPPORTED, call + " in a capture") : usable(call);
    }

    private int usable(String call) {
        return isEntered() ? sticky : complain(INVALID_CONTEXT, call + " without a context");
    }

    private <T> int make(long out, Map<Long, T> all, T made, String call) {
        int status = usable(call);
        if (status != 0) return status;
        long handle = nextHandle++;
        all.put(handle, made);
        putLong(out, handle);
        return 0;
    }
}
