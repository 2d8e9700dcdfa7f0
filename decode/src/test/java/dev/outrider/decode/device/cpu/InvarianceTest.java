package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** No result depends on the number of threads: bit for bit. */
class InvarianceTest {
    private static List<float[]> results(int threads) {
        try (CpuDevice device = new CpuDevice(threads)) {
            Everything all = new Everything(device);
            all.operations.values().forEach(Runnable::run);
            return all.contents();
        }
    }

    @Test
    void everyOperation() {
        List<float[]> alone = results(1);
        for (int threads : new int[] {2, 3, 7}) {
            List<float[]> together = results(threads);
            for (int i = 0; i < alone.size(); i++) {
                assertThat(together.get(i))
                        .as("buffer %d, %d threads", i, threads)
                        .isEqualTo(alone.get(i));
            }
        }
    }

    @Test
    void productsOfManyShapes() {
        int[][] shapes = {
            {33, 64, 1000}, {130, 1000, 129}, {1000, 65, 260}, {257, 513, 770}, {500, 300, 1}, {64, 999, 64}
        };
        for (int[] s : shapes) {
            List<float[]> alone = products(1, s[0], s[1], s[2]);
            for (int threads : new int[] {2, 5}) {
                List<float[]> together = products(threads, s[0], s[1], s[2]);
                for (int i = 0; i < 3; i++) assertThat(together.get(i)).isEqualTo(alone.get(i));
            }
        }
    }

    private static List<float[]> products(int threads, int rows, int in, int out) {
        var random = Seeds.generator(9);
        List<float[]> results = new ArrayList<>();
        try (CpuDevice device = new CpuDevice(threads);
                Native memory = new Native()) {
            Buffer x = memory.normal(random, rows * in, 1), w = memory.normal(random, out * in, 1);
            Buffer y = device.allocate(DType.F32, (long) rows * out), dx = device.allocate(DType.F32, (long) rows * in);
            Buffer dw = device.allocate(DType.F32, (long) out * in);
            device.linear(y, x, w, rows, in, out, 0);
            device.linearInputGradient(dx, y, w, rows, in, out, 1);
            device.linearWeightGradient(dw, y, x, rows, in, out, 0);
            for (Buffer b : new Buffer[] {y, dx, dw}) results.add(Native.floats(b));
        }
        return results;
    }
}
