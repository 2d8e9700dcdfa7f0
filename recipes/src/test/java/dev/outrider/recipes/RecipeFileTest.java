package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecipeFileTest {
    private static final String SMALL = """
            name: small
            world: {documents: 10}
            target:
              shape: {layers: 1, hidden: 16, intermediate: 32, heads: 2}
              training: {steps: 1, batch: 1, rate: 1e-3}
            draft: {layers: 1, hidden: 8, intermediate: 16, heads: 1}
            pretrain: {steps: 5, batch: 2, rate: 1e-3}
            distill:
              loss: tvd++
              training: {steps: 5, batch: 2, rate: 1e-3}
            """;

    private static Recipe parse(String text, String... overrides) {
        return RecipeFile.parse(Path.of("small.yaml"), text, List.of(overrides)).recipe();
    }

    static Stream<Path> shipped() throws IOException {
        try (var files = Files.list(Path.of(System.getProperty("outrider.root"), "recipes"))) {
            return files.filter(f -> f.toString().endsWith(".yaml")).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("shipped")
    void everyShippedRecipeIsValid(Path file) {
        Recipe recipe = RecipeFile.read(file, List.of()).recipe();
        assertThat(recipe.name()).isEqualTo(file.getFileName().toString().replace(".yaml", ""));
    }

    @Test
    void defaultsAndGivenValues() {
        Recipe r = parse(SMALL);
        assertThat(r.run()).isEqualTo(Path.of("runs", "small"));
        assertThat(r.seed()).isEqualTo(1);
        assertThat(r.world().orElseThrow().documents()).isEqualTo(10);
        assertThat(r.distill().loss()).isEqualTo(Recipe.Loss.TVDPP);
        assertThat(r.evaluate().gammas()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
        assertThat(r.pretrain().rate()).isEqualTo(1e-3);
        assertThat(r.spark().master()).isEqualTo("local[*]");
    }

    /** Costs are measured on it: an evaluation on another device is another one. */
    @Test
    void theDeviceIsPartOfAnEvaluationAndOfNothingElse() {
        Recipe cpu = parse(SMALL), cuda = parse(SMALL, "device=cuda");
        for (Stage stage : Stages.of(cpu)) {
            boolean same = stage.settings(cpu).equals(stage.settings(cuda));
            assertThat(same).as(stage.name()).isEqualTo(!stage.name().equals("evaluate"));
        }
    }

    /** A target held otherwise says other words and has other laws: what it says, teaches, and is measured by, is done anew. */
    @Test
    void howTheTargetIsHeldIsPartOfWhatItDoes() {
        Recipe stored = parse(SMALL), narrow = parse(SMALL, "target.weights=bf16");
        for (Stage stage : Stages.of(stored)) {
            boolean same = stage.settings(stored).equals(stage.settings(narrow));
            assertThat(same)
                    .as(stage.name())
                    .isEqualTo(!List.of("generate", "distill", "evaluate").contains(stage.name()));
        }
        String written = "generate.written=5";
        assertThat(settings("prompts", parse(SMALL, written)))
                .isNotEqualTo(settings("prompts", parse(SMALL, written, "target.weights=bf16")));
    }

    private static List<Object> settings(String stage, Recipe recipe) {
        return Stages.of(recipe).stream()
                .filter(s -> s.name().equals(stage))
                .findFirst()
                .orElseThrow()
                .settings(recipe);
    }

    @Test
    void eachStageMultipliesAsItsTrainingSays() {
        Recipe mixed = parse(
                SMALL, "target.training.precision=bf16", "pretrain.precision=bf16", "distill.training.precision=bf16");
        for (Recipe recipe : List.of(parse(SMALL), mixed)) {
            for (Stage stage : Stages.of(recipe)) {
                boolean trains = List.of("target", "pretrain", "distill").contains(stage.name());
                assertThat(stage.precision(recipe))
                        .as(stage.name())
                        .isEqualTo(trains && recipe == mixed ? Precision.BF16 : Precision.F32);
            }
        }
    }

    @Test
    void overridesWinOverTheFile() {
        Recipe r = parse(
                SMALL,
                "pretrain.steps=7",
                "evaluate.gammas=[3, 5]",
                "distill.loss=reverse_kl",
                "seed=9",
                "spark.conf={spark.ui.enabled: true}");
        assertThat(r.pretrain().steps()).isEqualTo(7);
        assertThat(r.evaluate().gammas()).containsExactly(3, 5);
        assertThat(r.distill().loss()).isEqualTo(Recipe.Loss.REVERSE_KL);
        assertThat(r.seed()).isEqualTo(9);
        assertThat(r.spark().conf()).containsEntry("spark.ui.enabled", "true");
    }

    @Test
    void allProblemsAtOnceWithTheirLines() {
        String broken = SMALL.replace(
                        "{steps: 5, batch: 2, rate: 1e-3}\ndistill", "{stepps: 5, batch: two, rate: -1}\ndistill")
                .replace("loss: tvd++", "loss: tvd+");
        assertThatThrownBy(() -> parse(broken, "tokenizer.size=12", "nonsense"))
                .isInstanceOfSatisfying(
                        Failure.class, f -> assertThat(f.exitCode()).isEqualTo(2))
                .message()
                .contains("small.yaml: 7 problems")
                .contains("line 7: found unknown key 'pretrain.stepps'", "Did you mean 'steps'?")
                .contains("line 7: found no 'pretrain.steps'")
                .contains("line 7: found 'two' for pretrain.batch; expected a whole number")
                .contains("line 7: found -1 for pretrain.rate; expected at least 0")
                .contains("line 9: found 'tvd+' for distill.loss; expected one of ce, kl, reverse_kl, jsd, tvd, tvd++")
                .contains("override 'tokenizer.size=12': found 12 for tokenizer.size; expected at least 300")
                .contains("override 'nonsense'");
    }

    @Test
    void settingsThatDoNotFitTogether() {
        assertThatThrownBy(() -> parse(SMALL, "draft.heads=3")).message().contains("hidden 8 over 3 heads");
        assertThatThrownBy(() -> parse(SMALL, "target.checkpoint=x")).message().contains("checkpoint and shape");
        assertThatThrownBy(() -> parse(SMALL.replace("world: {documents: 10}\n", "")))
                .message()
                .contains("no text to pre-train on");
        assertThatThrownBy(() -> parse(SMALL, "evaluate.gammas=[0]"))
                .message()
                .contains("0 for evaluate.gammas; expected 1 to 16");
    }

    @Test
    void brokenYamlAndDoubledKeys() {
        assertThatThrownBy(() -> parse("name: [a\nrun: b"))
                .isInstanceOf(Failure.class)
                .message()
                .contains("line ");
        assertThatThrownBy(() -> parse(SMALL + "seed: 1\nseed: 2\n"))
                .isInstanceOf(Failure.class)
                .message()
                .containsIgnoringCase("seed");
        assertThatThrownBy(() -> parse(""))
                .isInstanceOf(Failure.class)
                .message()
                .contains("no 'name'");
        assertThatThrownBy(() -> RecipeFile.read(Path.of("absent.yaml"), List.of()))
                .isInstanceOf(Failure.class)
                .message()
                .contains("absent.yaml", "no such file");
    }

    @Test
    void environmentVariablesWithDefaults() {
        Recipe r = parse(SMALL.replace("name: small", "name: \"${OUTRIDER_NOT_SET:-fallback}\""));
        assertThat(r.name()).isEqualTo("fallback");
    }
}
