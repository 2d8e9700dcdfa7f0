package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.StepFolders;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cuda.CudaLibraries;
import dev.outrider.decode.device.cuda.CudaLibraries.Missing;
import dev.outrider.decode.device.cuda.CudaLibraries.Part;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes wrong while a recipe runs: data, interruptions, divergence, folders of others. */
@Tag("slow")
class RunErrorsTest {
    @TempDir
    Path folder;

    private Path recipe;

    @BeforeEach
    void write() throws IOException {
        recipe = Tiny.recipe(folder);
    }

    private CommandLineRun run(String verb, String... overrides) {
        return CommandLineRun.of(Stream.concat(Stream.of(verb, recipe.toString()), Stream.of(overrides))
                .toArray(String[]::new));
    }

    private Path latest() {
        return new StepFolders(folder.resolve("run/pretrain"), 1).latest().orElseThrow();
    }

    @Test
    void aCorpusOfWhichNothingIsLeft() {
        run("data", "text.min_characters=100000")
                .failsWith(
                        3,
                        folder + "/text.jsonl",
                        "read=60, kept=0",
                        "too_short=60",
                        "Check the input and the filters");
        assertThat(folder.resolve("run/text")).doesNotExist();
        run("data").succeeds();
    }

    @Test
    void aCorpusWithoutTheFieldOrWithoutText() throws IOException {
        run("data", "text.field=body")
                .failsWith(3, folder + "/text.jsonl", "no field body", "an object with a string field body");
        Files.writeString(folder.resolve("text.jsonl"), "{\"text\": \"fine\"}\n{\"text\": \u001b[31m\n");
        CommandLineRun broken = run("data");
        broken.failsWith(3, folder + "/text.jsonl", "no JSON", "Correct the line");
        assertThat(broken.err()).doesNotContain("\u001b");
        Files.writeString(folder.resolve("text.jsonl"), "");
        run("data").failsWith(3, folder + "/text.jsonl", "expected ");
        assertThat(folder.resolve("run/text")).doesNotExist();
    }

    @Test
    void promptsThatAreNone() throws IOException {
        Path prompts = folder.resolve("prompts.jsonl");
        Files.writeString(prompts, "{\"prompt\": \"a\"}\n{\"question\": \"b\"}\n");
        run("generate").failsWith(3, prompts + ":2", "no string field prompt", "Correct the line");
        Files.writeString(prompts, "{\"prompt\": \"a\"}\n{\"prompt\n");
        run("generate").failsWith(3, prompts + ":2", "no JSON");
        Files.writeString(prompts, "\n");
        run("generate").failsWith(3, "prompts.jsonl", "no prompts", "Give the target something to answer");
    }

    // Ctrl-C is asked for as soon as the training shows its first progress.
    @Test
    void anInterruptedTrainingSavesSaysHowToGoOnAndGoesOn() throws Exception {
        RecipeFile file = RecipeFile.read(recipe, List.of("pretrain.save_every=0"));
        Run[] run = new Run[1];
        PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8) {
            @Override
            public void write(byte[] bytes, int from, int count) {
                if (new String(bytes, from, count, StandardCharsets.UTF_8).contains("1/6"))
                    run[0].interruption().request();
                super.write(bytes, from, count);
            }
        };
        run[0] = Run.open(file, "outrider pretrain tiny.yaml", out, new PrintWriter(out));
        try (Run interrupted = run[0]) {
            assertThatThrownBy(() -> Stages.upTo("pretrain", interrupted))
                    .isInstanceOfSatisfying(
                            Failure.class, f -> assertThat(f.exitCode()).isEqualTo(130))
                    .hasMessageContaining("interrupted after step 1 of 6; saved in " + latestName(1))
                    .hasMessageContaining("The same command goes on from there: outrider pretrain tiny.yaml");
            assertThatThrownBy(() -> Stages.upTo("pretrain", interrupted))
                    .hasMessageContaining("interrupted before pretrain; what is finished is kept in " + folder);
        }
        assertThat(run("pretrain").succeeds().out()).contains("[data] done before", "goes on after step 1", "step 6");
        assertThat(latest()).hasFileName("step-00000006");
    }

    private Path latestName(long step) {
        return folder.resolve("run/pretrain/checkpoints/step-%08d".formatted(step));
    }

    @Test
    void aDivergedTrainingNamesTheLastGoodCheckpoint() {
        run("pretrain", "pretrain.rate=1e30", "pretrain.save_every=1", "pretrain.clip=0")
                .failsWith(4, "Last good checkpoint: ", "rate");
        assertThat(folder.resolve("run/done/pretrain")).doesNotExist();
    }

    @Test
    void otherSettingsNeverCostAModel() throws IOException {
        run("pretrain").succeeds();
        byte[] weights = Files.readAllBytes(latest().resolve("model.safetensors"));
        run("generate", "generate.max_tokens=4").succeeds();
        assertThat(run("pretrain", "pretrain.keep=5", "generate.max_tokens=9").out())
                .contains("[pretrain] done before");
        CommandLineRun again = run("pretrain", "pretrain.rate=2e-3").succeeds();
        Path kept = folder.resolve("run/pretrain.old-1");
        assertThat(again.out())
                .contains(folder.resolve("run/pretrain") + " was made with other settings", kept.toString());
        assertThat(kept.resolve("checkpoints/step-00000006/model.safetensors")).hasBinaryContent(weights);
    }

    /** What the machine cannot do is said before anything runs. */
    @Test
    void precisionsAndDevicesThatThisMachineMayNotHave() throws IOException {
        if (CudaLibraries.ofThisMachine().result(Part.DRIVER) instanceof Missing) {
            run("evaluate", "device=cuda").failsWith(5, "the CUDA driver", "Install the NVIDIA driver");
            assertThat(folder.resolve("run/done/corpus")).doesNotExist();
        }
        try {
            CpuDevice.require(Precision.BF16);
        } catch (Failure e) {
            run("pretrain", "pretrain.precision=bf16").failsWith(5, "precision: bf16", "Say precision: f32.");
            assertThat(folder.resolve("run/done/corpus")).doesNotExist();
            return;
        }
        run("distill").succeeds();
        byte[] pretrained = weights("pretrain"), aligned = weights("distill");
        run("distill", "distill.training.precision=bf16").succeeds();
        assertThat(weights("pretrain")).isEqualTo(pretrained);
        assertThat(weights("distill")).hasSameSizeAs(aligned).isNotEqualTo(aligned);
        run("pretrain", "pretrain.precision=bf16").succeeds();
        assertThat(weights("pretrain")).hasSameSizeAs(pretrained).isNotEqualTo(pretrained);
    }

    private byte[] weights(String stage) throws IOException {
        Path latest = new StepFolders(folder.resolve("run").resolve(stage), 1)
                .latest()
                .orElseThrow();
        return Files.readAllBytes(latest.resolve("model.safetensors"));
    }

    @Test
    void aFolderBegunByAnotherRecipe() throws IOException {
        run("data").succeeds();
        run("data", "name=other", "text.length=16")
                .failsWith(
                        2,
                        folder + "/run: found a run of recipe 'tiny', made with other settings (data)",
                        "a folder of its own for 'other'",
                        "run=FOLDER");
        assertThat(folder.resolve("run/recipe.yaml")).content().contains("name: tiny");
        assertThat(run("data").succeeds().out()).contains("[data] done before");
    }

    // A stage that failed half-way is not taken for done when its old settings come back.
    @Test
    void aFailedChangeDoesNotPassForTheOldResult() {
        run("data").succeeds();
        run("data", "text.min_characters=100000").failsWith(3, "kept=0");
        CommandLineRun back = run("data").succeeds();
        assertThat(back.out()).doesNotContain("[data] done before");
        assertThat(folder.resolve("run/text/train/manifest.json")).exists();
    }

    /** What rests on it is made again with it, from where it stands. */
    @Test
    void whatRestsOnAStageThatRunsAgainIsNotDone() {
        run("pretrain").succeeds();
        run("data", "text.min_characters=100000").failsWith(3, "kept=0");
        CommandLineRun back = run("pretrain").succeeds();
        assertThat(back.out()).contains("[corpus] done before").doesNotContain("[pretrain] done before");
        assertThat(run("pretrain").succeeds().out()).contains("[pretrain] done before");
    }

    @Test
    void aDamagedCheckpointInTheWay() throws IOException {
        run("pretrain").succeeds();
        Path weights = latest().resolve("model.safetensors");
        Files.write(weights, new byte[7]);
        run("pretrain", "evaluate.max_tokens=9").succeeds();
        Files.delete(folder.resolve("run/done/pretrain"));
        run("pretrain").failsWith(3, weights.toString(), "7 bytes");
    }

    @Test
    void aFileWhereAStageWrites() throws IOException {
        run("data").succeeds();
        Path inTheWay = Files.writeString(folder.resolve("run/pretrain"), "mine");
        run("pretrain").failsWith(2, inTheWay.toString(), "that can be written");
        assertThat(inTheWay).hasContent("mine");
    }

    @Test
    void answersThatCannotBeLearntFrom() throws IOException {
        Files.writeString(
                folder.resolve("prompts.jsonl"),
                IntStream.range(0, 8)
                        .mapToObj(i -> "{\"prompt\": \"" + i + " the cat sat on a mat".repeat(9) + "\"}\n")
                        .reduce("", String::concat));
        run("generate").failsWith(3, "no answer to learn from", "no_supervision=", "length 32");
    }
}
