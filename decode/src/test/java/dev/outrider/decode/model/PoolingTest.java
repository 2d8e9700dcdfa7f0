package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Against means taken in double, the rows in the order of the picture. */
class PoolingTest {
    @Test
    void rowsAreMeansOfSquares() {
        Seeds.run(40, random -> {
            int c = 1 + random.nextInt(9), pool = 1 + random.nextInt(4), grid = pool + random.nextInt(8);
            VisionConfig config = config(c, pool, random.nextBoolean());
            float[] features = Seeds.normal(random, (grid * grid + 1) * c, 1);
            Pooling pooling = new Pooling(config, grid);
            double[] expected = expected(config, grid, features);
            float[] ours = new float[expected.length];
            try (CpuDevice device = new CpuDevice(1)) {
                Buffer from = device.allocate(DType.F32, features.length);
                Buffer into = device.allocate(DType.F32, ours.length);
                device.upload(features, 0, from, features.length);
                pooling.apply(device, from, into);
                device.download(into, ours, 0, ours.length);
            }
            assertThat(pooling.rows() * c).isEqualTo(expected.length);
            assertThat(pooling.rows()).isEqualTo(config.rows(tower(grid)));
            for (int i = 0; i < ours.length; i++) assertThat((double) ours[i]).isCloseTo(expected[i], within(1e-6));
        });
    }

    private static double[] expected(VisionConfig config, int grid, float[] features) {
        int c = config.towerWidth(), s = config.pool();
        List<Double> all = new ArrayList<>();
        if (config.classToken()) for (int i = 0; i < c; i++) all.add((double) features[i]);
        for (int top = 0; top + s <= grid; top += s) {
            for (int left = 0; left + s <= grid; left += s) {
                for (int i = 0; i < c; i++) {
                    double sum = 0;
                    for (int y = top; y < top + s; y++)
                        for (int x = left; x < left + s; x++) sum += features[(1 + y * grid + x) * c + i];
                    all.add(sum / (s * s));
                }
            }
        }
        return all.stream().mapToDouble(x -> x).toArray();
    }

    private static VisionConfig config(int width, int pool, boolean classToken) {
        return new VisionConfig(
                width, 8, 1, Gelu.EXACT, true, -2, classToken, -200, ImageAspect.SQUARE, pool, Optional.empty());
    }

    private static ClipConfig tower(int grid) {
        return new ClipConfig(grid, 1, 3, 4, 4, 1, 1, 1e-5, Gelu.QUICK, DType.F32);
    }
}
