package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cuda.CudaLibraries.Found;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import dev.outrider.decode.device.cuda.ptx.PtxMachine;
import dev.outrider.decode.device.cuda.ptx.PtxMemory;
import dev.outrider.decode.device.cuda.ptx.PtxStatistics;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A {@link CudaDevice} without a card: its kernels compiled by the real NVRTC, launched through a {@link FakeDriver} and run by
 * {@link PtxMachine}, which may touch the driver's allocations only.
 */
final class FakeGpu implements FakeDriver.Kernels {
    private static final String ARCH = "compute_80";

    // What is compiled and parsed serves all devices of a test run; their memory is not at the same places.
    private static final Map<String, String> COMPILED = new HashMap<>();
    private static final Map<String, PtxMachine> MACHINES = new HashMap<>();
    private static final PtxMemory MEMORY = new PtxMemory();
    private static final Map<Long, Long> KNOWN = new HashMap<>();

    private final Map<Long, PtxMachine> modules = new HashMap<>();
    final FakeDriver driver = new FakeDriver(this);
    /** Kernels, and images. */
    final List<String> launched = new ArrayList<>(), loaded = new ArrayList<>();

    final List<PtxStatistics> statistics = new ArrayList<>();
    private boolean races, blas, profile;
    private Precision precision = Precision.F32;
    private long seed = 1;

    /** A device; the test that asks is skipped where there is no NVRTC. */
    static CudaDevice open() {
        return new FakeGpu().device();
    }

    /** Races of threads are errors, which costs time. */
    FakeGpu races() {
        races = true;
        return this;
    }

    /** With statistics by instruction. */
    FakeGpu profile() {
        profile = true;
        return this;
    }

    /** The order in which threads run. */
    FakeGpu seed(long seed) {
        this.seed = seed;
        return this;
    }

    /** With the fake cuBLASLt. */
    FakeGpu blas() {
        blas = true;
        return this;
    }

    /** Of large products; with the fake cuBLASLt. */
    FakeGpu mixed() {
        precision = Precision.BF16;
        return blas();
    }

    /** A card so small that products are made in large tiles. */
    FakeGpu small() {
        driver.multiprocessors = 1;
        return this;
    }

    /** Of another compute capability. */
    FakeGpu card(int major, int minor) {
        driver.major = major;
        driver.minor = minor;
        return this;
    }

    /** This driver beside the real NVRTC. */
    CudaLibraries libraries() {
        Nvrtcs.all();
        CudaLibraries here = CudaLibraries.ofThisMachine();
        Found fake = new Found(Part.DRIVER, "libcuda.so.1", "12.8", driver.symbols());
        return CudaLibraries.given(List.of(fake, here.result(Part.NVRTC)));
    }

    CudaDevice device() {
        Nvrtc compiler = Nvrtcs.all().getFirst();
        CudaContext context = CudaDriver.of(driver.symbols()).context(0);
        return CudaDevice.of(
                context,
                (on, source, name) -> on.load(compiled(compiler, source, name)),
                blas ? Optional.of(CublasLt.of(new FakeBlas(driver).symbols(), context)) : Optional.empty(),
                precision);
    }

    private static synchronized String compiled(Nvrtc compiler, String source, String name) {
        return COMPILED.computeIfAbsent(source, s -> compiler.ptx(s, name, ARCH, Kernels.OPTIONS));
    }

    @Override
    public void load(long module, String ptx) {
        loaded.add(ptx);
        if (!ptx.contains(".entry")) throw new IllegalArgumentException("not PTX");
        synchronized (FakeGpu.class) {
            modules.put(module, MACHINES.computeIfAbsent(ptx, text -> PtxMachine.of(text, MEMORY)));
        }
    }

    @Override
    public void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params) {
        synchronized (FakeGpu.class) {
            remember(driver.device.sizes());
            launched.add(function);
            PtxMachine machine = modules.get(module).races(races).seed(seed);
            if (profile) machine.profile(true);
            statistics.add(machine.launch(function, grid, block, shared, params));
            if (profile) machine.profile(false);
        }
    }

    private static void remember(Map<Long, Long> blocks) {
        for (Map.Entry<Long, Long> known : List.copyOf(KNOWN.entrySet())) {
            if (known.getValue().equals(blocks.get(known.getKey()))) continue;
            MEMORY.remove(known.getKey());
            KNOWN.remove(known.getKey());
        }
        blocks.forEach((address, bytes) -> {
            if (KNOWN.putIfAbsent(address, bytes) == null) MEMORY.add(address, bytes);
        });
    }
}
