package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cpu.Everything;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What holds for all operations: they agree with the cpu's, do not depend on the order of threads, and keep their memory. */
class CudaEverythingTest {
    /** Of the largest of a buffer: sums of some hundreds of terms, in another order, of values that went through others. */
    private static final double TOLERANCE = 2e-5;

    @Test
    void agreesWithTheCpu() {
        try (CudaDevice gpu = FakeGpu.open()) {
            agrees(gpu);
        }
    }

    /** Every operation of the GPU with the cpu's. */
    static void agrees(CudaDevice gpu) {
        try (CpuDevice cpu = new CpuDevice(1)) {
            Everything there = new Everything(cpu), here = new Everything(gpu);
            there.operations.forEach((name, work) -> {
                work.run();
                here.operations.get(name).run();
                List<float[]> expected = there.contents(), found = here.contents();
                for (int i = 0; i < expected.size(); i++) close(name + ", buffer " + i, expected.get(i), found.get(i));
            });
        }
    }

    private static void close(String name, float[] expected, float[] found) {
        double largest = 0, worst = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double error = Math.abs((double) found[i] - expected[i]);
            worst = Math.max(worst, Double.isNaN(error) ? Double.POSITIVE_INFINITY : error);
        }
        assertThat(worst).as(name).isLessThanOrEqualTo(TOLERANCE * largest);
    }

    /** Bit for bit, and without races. */
    @Test
    void theOrderOfThreadsChangesNothing() {
        List<float[]> once = results(new FakeGpu().seed(1)),
                again = results(new FakeGpu().seed(77).races());
        for (int i = 0; i < once.size(); i++)
            assertThat(again.get(i)).as("buffer %d", i).isEqualTo(once.get(i));
    }

    private static List<float[]> results(FakeGpu gpu) {
        try (CudaDevice device = gpu.device()) {
            Everything all = new Everything(device);
            all.operations.values().forEach(Runnable::run);
            assertThat(gpu.driver.complaints).isEmpty();
            return all.contents();
        }
    }

    /** An output is one sum over k in order, whatever the tile. */
    @Test
    void largeTilesGiveTheBitsOfSmallOnes() {
        try (CudaDevice one = FakeGpu.open();
                CudaDevice two = new FakeGpu().small().device()) {
            for (boolean forward : new boolean[] {true, false}) {
                assertThat(products(two, forward)).isEqualTo(products(one, forward));
            }
        }
    }

    /** So that a checkpoint says the same in whatever type holds its weights exactly. */
    @Test
    void theTypeOfWeightsCountsByTheirValuesOnly() {
        int in = 576, out = 21;
        try (CudaDevice device = FakeGpu.open()) {
            float[] values = Seeds.normal(Seeds.generator(6), out * in, 1);
            Buffer x = buffer(device, Seeds.normal(Seeds.generator(7), 40 * in, 1));
            for (DType type : new DType[] {DType.BF16, DType.I8}) {
                Buffer narrow = device.hold(Tensor.of("w", values, out, in), type);
                Buffer wide = device.allocate(DType.F32, (long) out * in);
                device.embed(wide, narrow, IntStream.range(0, out).toArray(), 0, out, in);
                for (int rows : new int[] {1, 3, 7, 40}) {
                    assertThat(product(device, x, narrow, rows, in, out))
                            .as("%s, %d rows", type, rows)
                            .isEqualTo(product(device, x, wide, rows, in, out));
                }
            }
        }
    }

    private static float[] product(CudaDevice device, Buffer x, Buffer w, int rows, int in, int out) {
        Buffer y = device.allocate(DType.F32, (long) rows * out);
        device.linear(y, x, w, rows, in, out, 0);
        float[] found = new float[rows * out];
        device.download(y, found, 0, found.length);
        return found;
    }

    private static float[] products(CudaDevice device, boolean forward) {
        int rows = 150, in = 96, out = 140;
        float[] x = Seeds.normal(Seeds.generator(1), rows * in, 1), w = Seeds.normal(Seeds.generator(2), out * in, 1);
        float[] dy = Seeds.normal(Seeds.generator(3), rows * out, 1), found = new float[3 * out * rows];
        Buffer xs = buffer(device, x), ws = buffer(device, w), d = buffer(device, dy);
        Buffer to = device.allocate(DType.F32, found.length);
        if (forward) {
            Buffer eight = device.hold(Tensor.of("w", w, out, in), DType.I8);
            Buffer half = device.hold(Tensor.of("w", w, out, in), DType.BF16);
            device.linear(to, xs, ws, rows, in, out, 0);
            device.linear(to.slice(rows * out, rows * out), xs, eight, rows, in, out, 0);
            device.linear(to.slice(2L * rows * out, rows * out), xs, half, rows, in, out, 0);
        } else {
            device.linearInputGradient(to, d, ws, rows, in, out, 0);
            device.linearWeightGradient(to.slice(rows * in, out * in), d, xs, rows, in, out, 0);
        }
        device.download(to, found, 0, found.length);
        return found;
    }

    private static Buffer buffer(CudaDevice device, float[] values) {
        Buffer buffer = device.allocate(DType.F32, values.length);
        device.upload(values, 0, buffer, values.length);
        return buffer;
    }

    @Test
    void nothingIsAllocatedOnceTheLargestWasSeen() {
        FakeGpu gpu = new FakeGpu();
        try (CudaDevice device = gpu.device()) {
            Everything all = new Everything(device);
            all.operations.values().forEach(Runnable::run);
            Map<Long, Long> before = new TreeMap<>(gpu.driver.device.sizes());
            gpu.driver.fail("cuMemAlloc_v2", 1, FakeCards.OUT_OF_MEMORY);
            all.operations.values().forEach(Runnable::run);
            assertThat(gpu.driver.device.sizes()).isEqualTo(before);
        }
    }

    @Test
    void whatIsClosedIsReleased() {
        FakeGpu gpu = new FakeGpu();
        try (CudaDevice device = gpu.device()) {
            new Everything(device).operations.get("norm").run();
            assertThat(gpu.driver.leaks()).isNotEmpty();
        }
        assertThat(gpu.driver.leaks()).isEmpty();
        assertThat(gpu.driver.complaints).isEmpty();
    }
}
