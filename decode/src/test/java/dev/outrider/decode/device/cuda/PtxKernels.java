package dev.outrider.decode.device.cuda;

import dev.outrider.decode.device.cuda.ptx.PtxFault;
import dev.outrider.decode.device.cuda.ptx.PtxMachine;
import dev.outrider.decode.device.cuda.ptx.PtxMemory;
import dev.outrider.decode.device.cuda.ptx.PtxStatistics;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Kernels of a {@link FakeDriver}, run by {@link PtxMachine}: they may touch what is allocated on the pretended card, and nothing else. */
final class PtxKernels implements FakeDriver.Kernels {
    private final Consumer<PtxMachine> settings;
    private final PtxMemory memory = new PtxMemory();
    private final Map<Long, Long> registered = new HashMap<>();
    private final Map<Long, PtxMachine> machines = new HashMap<>();
    private FakeDriver driver;
    /** The first launch that went wrong: what a card would not say. */
    PtxFault fault;
    /** Of the last launch. */
    PtxStatistics statistics;

    /** @param settings of every machine: seed, races, threads, .. */
    PtxKernels(Consumer<PtxMachine> settings) {
        this.settings = settings;
    }

    /** A driver whose kernels run here. */
    FakeDriver driver() {
        return driver = new FakeDriver(this);
    }

    @Override
    public void load(long module, String ptx) {
        try {
            PtxMachine machine = PtxMachine.of(ptx, memory);
            settings.accept(machine);
            machines.put(module, machine);
        } catch (PtxFault e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    @Override
    public void launch(long module, String function, int[] grid, int[] block, int shared, MemorySegment params) {
        register(driver.device.sizes());
        try {
            statistics = machines.get(module).launch(function, grid, block, shared, params);
        } catch (PtxFault e) {
            if (fault == null) fault = e;
            throw e;
        }
    }

    private void register(Map<Long, Long> sizes) {
        registered.entrySet().removeIf(old -> {
            boolean gone = !old.getValue().equals(sizes.get(old.getKey()));
            if (gone) memory.remove(old.getKey());
            return gone;
        });
        sizes.forEach((address, bytes) -> {
            if (registered.putIfAbsent(address, bytes) == null) memory.add(address, bytes);
        });
    }
}
