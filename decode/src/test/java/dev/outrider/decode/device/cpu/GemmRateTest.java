package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.decode.device.Precision;
import org.junit.jupiter.api.Test;

class GemmRateTest {
    @Test
    void ratesAreThoseOfAComputer() {
        try (CpuDevice device = new CpuDevice(2)) {
            double rate = GemmRate.gflops(
                    device, Precision.F32, new GemmRate.Shape(64, 256, 256), new GemmRate.Shape(100, 200, 300));
            assertThat(rate).isBetween(0.1, 1e5);
            assertThat(GemmRate.readGigabytes(device)).isBetween(0.05, 1e4);
        }
    }
}
