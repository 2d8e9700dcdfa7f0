package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.cuda.ptx.PtxMachine;
import dev.outrider.decode.device.cuda.ptx.PtxMemory;
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
    final boolean races;
    final List<String> launched = new ArrayList<>();

    private FakeGpu(boolean races) {
        this.races = races;
    }

    /** A device; the test that asks is skipped where there is no NVRTC. */
    static CudaDevice open() {
        return open(false);
    }

    /** @param races whether races of threads are errors, which costs time */
    static CudaDevice open(boolean races) {
        return new FakeGpu(races).device(Optional.empty());
    }

    /** As {@link #open(boolean)}, with the fake cuBLASLt. */
    static CudaDevice withBlas() {
        FakeGpu gpu = new FakeGpu(false);
        return gpu.device(Optional.of(new FakeBlas(gpu.driver)));
    }

    private CudaDevice device(Optional<FakeBlas> blas) {
        Nvrtc compiler = Nvrtcs.all().getFirst();
        CudaContext context = CudaDriver.of(driver.symbols()).context(0);
        return CudaDevice.of(
                context,
                (on, source, name) -> on.load(compiled(compiler, source, name)),
                blas.map(fake -> CublasLt.of(fake.symbols(), context)));
    }

    private static synchronized String compiled(Nvrtc compiler, String source, String name) {
        return COMPILED.computeIfAbsent(source, s -> compiler.ptx(s, name, ARCH, Kernels.OPTIONS));
    }

    @Override
    public void load(long module, String ptx) {
        synchronized (FakeGpu.class) {
            modules.put(module, MACHINES.computeIfAbsent(ptx, text -> PtxMachine.of(text, MEMORY)));
        }
    }

    @Override
    public void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params) {
        synchronized (FakeGpu.class) {
            remember(driver.device.blocks());
            launched.add(function);
            modules.get(module).races(races).launch(function, grid, block, shared, params);
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
