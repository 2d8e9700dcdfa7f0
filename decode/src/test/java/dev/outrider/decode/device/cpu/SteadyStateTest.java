package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Once compiled, an operation makes no garbage but the handful of arguments that a parallel region carries. */
class SteadyStateTest {
    private static final int REGION = 512;
    private static final long PATIENCE_NANOS = 20_000_000_000L;

    private static final ThreadMXBean BEAN = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void operationsDoNotAllocate() {
        try (CpuDevice device = new CpuDevice(1)) {
            Everything all = new Everything(device);
            Map<String, Long> remaining = new TreeMap<>();
            long end = System.nanoTime() + PATIENCE_NANOS;
            do {
                all.operations.forEach((name, work) -> remaining.put(name, allocated(work)));
                remaining.values().removeIf(bytes -> bytes <= REGION);
            } while (!remaining.isEmpty() && System.nanoTime() < end);
            assertThat(remaining).as("bytes a call").isEmpty();
        }
    }

    // Compilation takes as long as it takes: boxed vectors are garbage until then.
    private static long allocated(Runnable work) {
        for (int i = 0; i < 20; i++) work.run();
        long before = BEAN.getCurrentThreadAllocatedBytes();
        work.run();
        return BEAN.getCurrentThreadAllocatedBytes() - before;
    }
}
