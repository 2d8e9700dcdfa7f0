package dev.outrider.recipes.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.WeightType;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PassBenchTest {
    @TempDir
    Path folder;

    /** One line for every context that the model has room for, on it a number for every row. */
    @Test
    @Tag("slow")
    void everyContextThatFitsIsMeasuredForEveryNumberOfRows() {
        ModelConfig config = ModelConfig.draft(64, 16, 24, 2, 2, 160, 1, 2);
        HuggingFace.write(
                folder, config, Models.tensors(config, Seeds.generator(1)), Optional.empty(), Optional.empty());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new PassBench(folder, 1, WeightType.F32, 3).run(new PrintStream(out, true, StandardCharsets.UTF_8));
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertThat(lines).anyMatch(line -> line.contains("weights F32: a pass reads"));
        assertThat(lines).noneMatch(line -> line.startsWith("512"));
        assertThat(lines.stream().filter(line -> line.startsWith("128")))
                .singleElement()
                .satisfies(line -> assertThat(line.trim().split("\\s+"))
                        .as("context, passes/s, GB/s, share, %, two ratios: %s", line)
                        .hasSize(7));
    }

    @Test
    void rowsThatNoPassHasAreRefused() {
        for (int rows : new int[] {0, Device.INVARIANT_ROWS + 1}) {
            assertThatThrownBy(() -> new PassBench(folder, 1, WeightType.F32, rows))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining(rows + " rows");
        }
    }
}
