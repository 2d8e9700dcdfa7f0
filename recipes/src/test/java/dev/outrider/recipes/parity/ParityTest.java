package dev.outrider.recipes.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.VocabularyPadding;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.parity.ParityPack.Expected;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A pack holds for what its models became, and does not for other models. */
class ParityTest {
    private static final Tokenizer TOKENIZER =
            BpeTrainer.train(Map.of("the", 9L, "cat", 8L, "sat", 7L), 265, List.of());

    @TempDir
    Path folder;

    private Path target, draft, other, pack;

    @BeforeEach
    void models() {
        target = model("target", 1);
        draft = model("draft", 2);
        other = model("other", 3);
        pack = folder.resolve("parity");
    }

    private static ModelConfig config() {
        return ModelConfig.draft(TOKENIZER.size(), 16, 24, 2, 2, 128, 1, 2);
    }

    private Path model(String name, int seed) {
        Path path = folder.resolve(name);
        List<Tensor> tensors = Models.tensors(config(), Seeds.generator(seed));
        HuggingFace.write(path, config(), tensors, Optional.of(TOKENIZER), Optional.empty());
        return path;
    }

    private ParityPack write(CpuDevice device) {
        List<Parity.Prompt> prompts = List.of(
                new Parity.Prompt("the cat", new int[] {1, 5, 9, 70}), new Parity.Prompt("sat", new int[] {1, 8}));
        Parity.write(pack, target, draft, prompts, List.of(new Expected(0, 4, 1.75, 1.5, 2)), device);
        return ParityPack.read(pack);
    }

    @Test
    void theSameModelsHold() {
        try (CpuDevice device = new CpuDevice(1)) {
            ParityPack written = write(device);
            assertThat(Parity.logits(written, draft, device)).isEqualTo(new Parity.Logits(2, 0, 2));
            assertThat(Parity.answers(written, target, device).same()).isEqualTo(2);
            assertThat(pack.resolve("COMMANDS.md")).content().contains("| greedy | 4 | 1.750 | 1.500 to 2.000 |");
        }
    }

    @Test
    void convertedAndPaddedOnesHold() {
        try (CpuDevice device = new CpuDevice(1);
                Checkpoint opened = Checkpoint.open(draft)) {
            ParityPack written = write(device);
            List<Tensor> tensors = opened.names().stream().map(opened::tensor).toList();
            var padded = VocabularyPadding.to(300, opened.config(), tensors);
            Path wide = folder.resolve("wide");
            HuggingFace.write(wide, padded.config(), padded.tensors(), Optional.of(TOKENIZER), Optional.empty());
            assertThat(Parity.logits(written, wide, device).difference()).isLessThan(1e-4);
        }
    }

    @Test
    void aPackOfAnotherVersionIsRefusedByItsField() throws IOException {
        try (CpuDevice device = new CpuDevice(1)) {
            write(device);
        }
        Path file = pack.resolve(ParityPack.FILE);
        Files.writeString(file, Files.readString(file).replace("toleranceNats", "tolerance"));
        assertThatThrownBy(() -> ParityPack.read(pack))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("the field \"tolerance\"")
                .hasMessageContaining("Evaluate the run again");
        Files.writeString(file, "{\"target\": ");
        assertThatThrownBy(() -> ParityPack.read(pack)).isInstanceOf(Failure.class);
    }

    /** A softmax does not see what is added to all; what is added to one it does. */
    @Test
    void whatIsAddedToAllLogitsIsNoLoss() {
        try (CpuDevice device = new CpuDevice(1)) {
            ParityPack written = write(device);
            assertThat(Parity.logits(added(written, 3, 3), draft, device).difference())
                    .isLessThan(1e-5);
            Parity.Logits one = Parity.logits(added(written, 0, 3), draft, device);
            assertThat(one.holds(written)).isFalse();
            assertThat(Parity.logits(added(written, 0, Float.POSITIVE_INFINITY), draft, device)
                            .holds(written))
                    .isFalse();
        }
    }

    /** The pack with something added to every logit, and something else to the first of each case. */
    private static ParityPack added(ParityPack pack, float all, float first) {
        List<ParityPack.Case> cases = pack.cases().stream()
                .map(c -> {
                    float[] logits = c.logits().clone();
                    for (int i = 0; i < logits.length; i++) logits[i] += i == 0 ? first : all;
                    return new ParityPack.Case(
                            c.text(),
                            c.ids(),
                            c.continuation(),
                            c.continuationText(),
                            c.margins(),
                            c.top(),
                            logits,
                            c.hash());
                })
                .toList();
        return new ParityPack(
                pack.target(),
                pack.draft(),
                pack.tokenizer(),
                pack.toleranceNats(),
                pack.rounding(),
                cases,
                pack.expected());
    }

    @Test
    void anotherModelDoesNot() {
        try (CpuDevice device = new CpuDevice(1)) {
            ParityPack written = write(device);
            Parity.Logits found = Parity.logits(written, other, device);
            assertThat(found.holds(written)).isFalse();
            assertThat(found.hashes()).isZero();
            assertThat(Parity.answers(written, other, device).same()).isLessThan(2);
        }
    }
}
