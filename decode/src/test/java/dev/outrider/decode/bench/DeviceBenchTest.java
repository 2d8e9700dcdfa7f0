package dev.outrider.decode.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.NgramDraft;
import dev.outrider.decode.speculate.Sampling;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
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

    /** Each guess stands at its own place of the text. */
    @Test
    void whatIsImposedIsTheTextThatFollows() {
        int[] text = {15, 16, 17, 18, 19, 20, 21, 22, 23};
        Imposed right = new Imposed(new NgramDraft(NgramTable.of(90, 2, List.of(new int[] {1, 1, 1}))), text, 1);
        right.begin(new int[] {1, 1});
        right.hear(0, 15);
        assertThat(proposed(right)).containsExactly(16, 17, 18);
        right.hear(1, 17);
        assertThat(proposed(right)).containsExactly(18, 19, 20);
        right.hear(3, 21);
        assertThat(proposed(right)).containsExactly(22, 23, 0);
    }

    private static int[] proposed(Drafter drafter) {
        Drafter.Proposal proposal = drafter.propose(3, Sampling.GREEDY, null);
        return Arrays.copyOf(proposal.tokens(), proposal.count());
    }

    @Test
    void aTextThatDraftsHaveChangedIsAnError() {
        DeviceBench.said(text(4, 5, 6), text(4, 5, 6), 3);
        assertThatThrownBy(() -> DeviceBench.said(text(4, 5, 6), text(4, 5, 7), 3))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("gamma 3");
    }

    private static Generation text(int... tokens) {
        return new Generation(
                tokens,
                new boolean[tokens.length],
                Generation.Finish.LENGTH,
                "",
                List.of(),
                new Generation.Times(0, 0, 0, 0));
    }
}
