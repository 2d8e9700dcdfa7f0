package dev.outrider.decode.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceBenchTest {
    private static final DeviceBench.Sizes SMALL = new DeviceBench.Sizes(
            ModelConfig.draft(90, 64, 96, 2, 4, 128, 1, 2),
            ModelConfig.draft(90, 32, 64, 1, 2, 128, 1, 2),
            1 << 12,
            new int[] {8, 40},
            25,
            3,
            2,
            40);

    @TempDir
    Path folder;

    @Test
    void everyFigureIsMeasuredAndWritten() throws IOException {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        Path file = folder.resolve("figures.json");
        try (Device device = new CpuDevice(2)) {
            DeviceBench bench = new DeviceBench(device, SMALL, new PrintStream(printed, true));
            bench.run();
            bench.training(device, Precision.F32);
            List<DeviceBench.Figure> figures = bench.figures();
            assertThat(figures)
                    .allSatisfy(
                            f -> assertThat(f.value()).as(f.what()).isPositive().isFinite());
            assertThat(figures.stream().map(DeviceBench.Figure::what))
                    .contains(
                            "target alone", "target: a pass of 1 rows behind 40", "draft: prompt of 8, the first time")
                    .anyMatch(what -> what.startsWith("product of 32 rows"))
                    .contains("AdamW", "attention of 2 x 40, 2 heads of 16, gradient");
            bench.write(file);
            JsonNode read = new ObjectMapper().readTree(file.toFile());
            assertThat(read.get("figures")).hasSameSizeAs(figures);
            assertThat(read.get("device").asText()).isEqualTo(device.name());
        }
        assertThat(printed.toString()).contains("GB/s", "tokens/s", "of MBSU");
    }

    /** What is imposed is what comes out: all right is γ + 1 tokens a pass, none is one. */
    @Test
    void acceptanceIsWhatWasImposed() {
        try (Device device = new CpuDevice(1)) {
            DeviceBench bench = new DeviceBench(device, SMALL, new PrintStream(new ByteArrayOutputStream()));
            assertThat(bench.imposed(1, 3)).isEqualTo(4);
            assertThat(bench.imposed(0, 3)).isEqualTo(1);
            assertThat(bench.imposed(0.8, 3)).isBetween(1.5, 4.0);
        }
    }
}
