package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import org.junit.jupiter.api.Test;

/** The fused update against its scalar twin; PyTorch's vectors are in AdamWGoldenTest. */
class AdamWTest {
    @Test
    void agreesWithTwin() {
        try (Native memory = new Native();
                CpuDevice device = new CpuDevice(2)) {
            for (int n : new int[] {1, 13, 64, 207, 50_001}) follows(memory, device, n);
        }
    }

    private static void follows(Native memory, CpuDevice device, int n) {
        var random = Seeds.generator(n);
        Buffer p = memory.normal(random, n, 1), m = memory.zeros(n), v = memory.zeros(n);
        double[] ps = Close.doubles(p), ms = new double[n], vs = new double[n];
        for (int step = 1; step <= 5; step++) {
            Buffer g = memory.normal(random, n, Math.pow(10, step - 3));
            AdamW.step(0.01, 0.9, 0.95, 1e-8, 0.1, 0.5, step).scalar(ps, Close.doubles(g), ms, vs);
            device.adamW(p, g, m, v, n, 0.01, 0.9, 0.95, 1e-8, 0.1, 0.5, step);
        }
        Close.to(ps, p, 1e-6);
        Close.to(ms, m, 1e-6);
        Close.to(vs, v, 1e-6);
    }

    @Test
    void stepsCountFromOne() {
        assertThatThrownBy(() -> AdamW.step(0.01, 0.9, 0.95, 1e-8, 0, 1, 0)).hasMessageContaining("from 1");
    }

    @Test
    void aGradientOfZeroOnlyDecays() {
        double[] p = {2}, m = {0}, v = {0};
        AdamW.step(0.1, 0.9, 0.95, 1e-8, 0.5, 1, 1).scalar(p, new double[] {0}, m, v);
        assertThat(p[0]).isEqualTo(2 * (1 - 0.1 * 0.5));
    }
}
