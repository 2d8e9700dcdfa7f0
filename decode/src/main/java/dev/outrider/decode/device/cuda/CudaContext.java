package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * One card and one stream of work on it. What is allocated, loaded, captured or pinned here is released when it is
 * closed, or with the context. Calls from several threads are taken one after the other, and anything but
 * {@link #upload}, {@link #download} and {@link #synchronize} returns before the card has done it; an error of the card may
 * therefore be reported by a later call.
 *
 * <p>Addresses are device pointers: valid on the card only.
 */
public final class CudaContext implements AutoCloseable {
    private static final int NON_BLOCKING = 1, CAPTURE_THREAD_LOCAL = 1;

    final DriverApi api;
    private final CudaCard card;
    private final int device;
    private final long handle;
    private final long stream;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment result = arena.allocate(2 * Long.BYTES, Long.BYTES);
    private final LaunchArguments arguments = new LaunchArguments(arena);
    private final Staging staging = new Staging(this);
    private final Set<Long> allocations = new HashSet<>();
    private final Set<Runnable> resources = new LinkedHashSet<>();
    private boolean capturing, closed;

    private CudaContext(DriverApi api, CudaCard card, int device, long handle, long stream) {
        this.api = api;
        this.card = card;
        this.device = device;
        this.handle = handle;
        this.stream = stream;
    }

    static CudaContext of(DriverApi api, CudaCard card) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
            api.device.run(out.address(), card.ordinal());
            int device = out.get(ValueLayout.JAVA_INT, 0);
            api.retain.run(out.address(), device);
            long handle = out.get(ValueLayout.JAVA_LONG, 0);
            try {
                api.setCurrent.run(handle);
                api.createStream.run(out.address(), NON_BLOCKING);
            } catch (Failure e) {
                api.release.status(device);
                throw e;
            }
            return new CudaContext(api, card, device, handle, out.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    public CudaCard card() {
        return card;
    }

    /** The CUstream, for libraries that work on it. */
    public long stream() {
        return stream;
    }

    // ---- memory -------------------------------------------------------------------------------

    /**
     * Memory on the card, aligned to 256 bytes at least; what is in it is undefined.
     *
     * @throws Failure (machine) where there is no room, with the bytes wanted, free and in all
     */
    public synchronized long allocate(long bytes) {
        outsideCapture("allocate");
        if (bytes < 0) throw new IllegalArgumentException(bytes + " bytes");
        int status = api.allocate.status(result.address(), Math.max(1, bytes));
        if (status == DriverApi.OUT_OF_MEMORY) throw exhausted(bytes);
        if (status != 0) throw api.failure(api.allocate.name(), status);
        long address = first();
        allocations.add(address);
        return address;
    }

    /** Frees what {@link #allocate} returned, after the work on it; 0 is let pass. */
    public synchronized void free(long device) {
        if (device == 0) return;
        outsideCapture("free");
        if (!allocations.remove(device)) throw new IllegalArgumentException("not allocated here: " + device);
        api.free.run(device);
    }

    /** What other programs and this one have left of the card's memory. */
    public synchronized long freeBytes() {
        enter();
        api.memory.run(result.address(), result.address() + Long.BYTES);
        return first();
    }

    private Failure exhausted(long bytes) {
        long free = freeBytes(), total = result.get(ValueLayout.JAVA_LONG, Long.BYTES);
        return new Failure(
                Failure.Kind.MACHINE,
                card.label(),
                "no room for another " + mebibytes(bytes) + ": " + mebibytes(free) + " are free of " + mebibytes(total),
                "enough for weights, caches and activations",
                "Use a smaller model, batch or context, end other programs on the card, or use one with more memory.",
                null);
    }

    static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%,.1f MiB", bytes / 1048576.0);
    }

    // ---- copies -------------------------------------------------------------------------------

    /** From native or heap memory, which may change as soon as this returns. Cannot be captured. */
    public synchronized void upload(MemorySegment host, long device, long bytes) {
        outsideCapture("upload");
        staging.upload(host, device, bytes);
    }

    /** Into native or heap memory, after all work so far. Cannot be captured. */
    public synchronized void download(long device, MemorySegment host, long bytes) {
        outsideCapture("download");
        staging.download(device, host, bytes);
    }

    /** Between places on the card that do not overlap. */
    public synchronized void copy(long from, long to, long bytes) {
        enter();
        if (bytes > 0) api.withinDevice.run(to, from, bytes, stream);
    }

    public synchronized void zero(long device, long bytes) {
        enter();
        if (bytes > 0) api.fill.run(device, 0, bytes, stream);
    }

    /** Host memory that the card reads and writes by itself. */
    public synchronized PinnedMemory pin(long bytes) {
        outsideCapture("pin");
        api.allocateHost.run(result.address(), Math.max(1, bytes), 0);
        return new PinnedMemory(this, first(), bytes);
    }

    /** Copies on the stream, which reads the pinned memory when its turn comes: also in a graph, at every launch. */
    public synchronized void send(PinnedMemory from, long offset, long device, long bytes) {
        enter();
        if (bytes > 0) api.toDevice.run(device, from.address(offset, bytes), bytes, stream);
    }

    /** Copies on the stream; what arrived may be read after {@link #synchronize}. */
    public synchronized void fetch(long device, PinnedMemory to, long offset, long bytes) {
        enter();
        if (bytes > 0) api.toHost.run(to.address(offset, bytes), device, bytes, stream);
    }

    /** Waits for all work so far. */
    public synchronized void synchronize() {
        outsideCapture("synchronize");
        api.synchronizeStream.run(stream);
    }

    // ---- kernels ------------------------------------------------------------------------------

    /** Compiles PTX for the card, in the driver. */
    public CudaModule load(String ptx) {
        return load(ptx.getBytes(StandardCharsets.UTF_8));
    }

    /** @throws Failure (machine) with the driver's log where the image does not fit the card */
    public synchronized CudaModule load(byte[] cubin) {
        outsideCapture("load");
        return CudaModule.load(this, cubin);
    }

    /**
     * What the body launches, copies, zeroes, sends and fetches, as a graph; nothing of it runs yet. Addresses and
     * numbers are the ones of now.
     */
    public synchronized CudaGraph capture(Runnable body) {
        outsideCapture("capture");
        api.beginCapture.run(stream, CAPTURE_THREAD_LOCAL);
        capturing = true;
        try {
            body.run();
        } catch (Throwable t) {
            capturing = false;
            abandonCapture();
            throw t;
        }
        capturing = false;
        api.endCapture.run(stream, result.address());
        return CudaGraph.of(this, first());
    }

    private void abandonCapture() {
        if (api.endCapture.status(stream, result.address()) == 0 && first() != 0) api.destroyGraph.status(first());
    }

    public synchronized CudaTimer timer() {
        outsideCapture("timer");
        return new CudaTimer(this);
    }

    // ---- for the classes of this package --------------------------------------------------------

    /** Makes the context the thread's own. */
    void enter() {
        if (closed) throw new IllegalStateException(card.label() + " is closed");
        api.setCurrent.run(handle);
    }

    void outsideCapture(String what) {
        enter();
        if (capturing) throw new IllegalStateException(what + " cannot be captured in a graph");
    }

    boolean isClosed() {
        return closed;
    }

    LaunchArguments arguments() {
        return arguments;
    }

    /** Two longs for results; the caller holds the context's lock. */
    MemorySegment result() {
        return result;
    }

    /** The first of {@link #result}. */
    long first() {
        return result.get(ValueLayout.JAVA_LONG, 0);
    }

    /** To be released with the context, unless {@link #release} does so before. */
    void remember(Runnable release) {
        resources.add(release);
    }

    /** Once; not any more when the context is closed. */
    synchronized void release(Runnable release) {
        if (!resources.contains(release)) return;
        outsideCapture("closing");
        resources.remove(release);
        release.run();
    }

    /** Releases everything; throws the first failure after all is done. */
    @Override
    public synchronized void close() {
        if (closed) return;
        if (capturing) throw new IllegalStateException("closing cannot be captured in a graph");
        List<Runnable> steps = new ArrayList<>();
        steps.add(() -> api.setCurrent.run(handle));
        steps.add(() -> api.synchronizeStream.run(stream));
        steps.addAll(new ArrayList<>(resources).reversed());
        for (long address : allocations) steps.add(() -> api.free.run(address));
        steps.add(() -> api.destroyStream.run(stream));
        steps.add(() -> api.release.run(device));
        steps.add(arena::close);
        try {
            all(steps);
        } finally {
            resources.clear();
            allocations.clear();
            closed = true;
        }
    }

    /** Takes every step, whatever becomes of the others; throws the first failure when all is done. */
    static void all(List<Runnable> steps) {
        RuntimeException first = null;
        for (Runnable step : steps) {
            try {
                step.run();
            } catch (RuntimeException e) {
                if (first == null) first = e;
                else first.addSuppressed(e);
            }
        }
        if (first != null) throw first;
    }
}
