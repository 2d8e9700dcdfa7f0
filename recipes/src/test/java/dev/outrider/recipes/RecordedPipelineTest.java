package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** A draft for a target of which there is a tokenizer, and what it once answered. */
@Tag("slow")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RecordedPipelineTest {
    private static final int IMAGES = 60;
    private static final String[] ANSWERS = {
        "a cat sat on the mat and looked at some dog",
        "the dog ran and a cat looked on",
        "some cat who ran sat on a mat"
    };

    @TempDir
    static Path folder;

    @BeforeAll
    static void write() throws IOException {
        Path words = Files.createDirectories(folder.resolve("words"));
        TokenizerJson.write(words, Tiny.tokenizer());
        Files.writeString(folder.resolve("greedy.jsonl"), rows("COCO_val2014_%012d.jpg", "greedy"));
        Files.writeString(folder.resolve("sampled.jsonl"), rows("%d", "sampled T=1"));
        Files.writeString(folder.resolve("others.jsonl"), rows("%012d", ""));
        Files.writeString(folder.resolve("recorded.yaml"), """
                name: recorded
                run: FOLDER/run
                threads: 1
                spark: {master: "local[1]"}
                text: {inputs: [FOLDER/others.jsonl], format: conversations, length: 384, validation: 0.2}
                target: {tokenizer: FOLDER/words, parameters: 1000000, template: vicuna_v1}
                draft: {layers: 1, hidden: 16, intermediate: 32, heads: 1, vocabulary: 60}
                pretrain: {steps: 3, batch: 4, rate: 1e-2}
                generate: {recorded: [FOLDER/greedy.jsonl, FOLDER/sampled.jsonl], evaluation: 0.2}
                distill:
                  laws: none
                  loss: ce
                  share: 0.9
                  training: {steps: 20, batch: 8, rate: 1e-2, validate_every: 10}
                evaluate:
                  drafters: [1-gram, bigram, 3-gram, 4-gram, pretrained, aligned, tables, combined, mixed]
                  mix: [aligned, pretrained]
                  gammas: [1, 3]
                  temperatures: [0]
                  max_tokens: 64
                """.replace("FOLDER", folder.toString()));
    }

    private static String rows(String image, String decoding) {
        return IntStream.range(0, IMAGES)
                .mapToObj(i -> ("{\"image\": \"" + image + "\", \"decoding\": \"" + decoding + "\", \"conversations\":"
                                + " [{\"from\": \"human\", \"value\": \"look\"}, {\"from\": \"gpt\", \"value\": \""
                                + ANSWERS[i % ANSWERS.length] + "\"}]}")
                        .formatted(i))
                .collect(Collectors.joining("\n"));
    }

    private static CommandLineRun outrider(String verb, String... more) {
        List<String> arguments =
                new ArrayList<>(List.of(verb, folder.resolve("recorded.yaml").toString()));
        arguments.addAll(List.of(more));
        return CommandLineRun.of(arguments.toArray(String[]::new));
    }

    private static Row row(Evaluation evaluation, String draft, int gamma) {
        return evaluation.rows().stream()
                .filter(r -> r.draft().equals(draft) && r.gamma() == gamma)
                .findFirst()
                .orElseThrow();
    }

    @Test
    @Order(1)
    void fromRecordedAnswersToAReport() throws IOException {
        String out = outrider("run").succeeds().out();
        assertThat(out)
                .contains("[generate]", "held_out", "tau_greedy_3", "| aligned | 3 |", "./outrider replay --draft")
                .contains("weights in a mean of their laws: 5-gram ")
                .doesNotContain("[target]", "[prompts]", "NaN");
        Evaluation result = Evaluation.read(folder.resolve("run/evaluation.json"));
        assertThat(result.replayed()).isTrue();
        assertThat(result.rows()).hasSize(9 * 2).allSatisfy(r -> {
            assertThat(r.tau()).isBetween(1.0, r.gamma() + 1.0);
            assertThat(r.mbsu()).isEqualTo(r.tau() / (r.c() * r.gamma() + 1));
        });
        assertThat(row(result, "aligned", 3).c()).isBetween(0.001, 0.1);
        assertThat(row(result, "4-gram", 3).tau())
                .isGreaterThan(row(result, "1-gram", 3).tau());
        assertThat(row(result, "aligned", 3).tau())
                .isGreaterThan(row(result, "pretrained", 3).tau());
        Row mixed = row(result, "mixed", 3), one = row(result, "aligned", 3);
        assertThat(mixed.c()).as("both drafts").isEqualTo(2 * one.c());
        assertThat(mixed.tau()).isGreaterThan(row(result, "1-gram", 3).tau());
        assertThat(result.target().parameters()).isEqualTo(1_000_000);
        assertThat(result.samples()).isNotEmpty();
        assertThat(Files.readString(folder.resolve("run/report.html")))
                .contains("By replay of recorded answers", "combined", "class=\"hit\"")
                .doesNotContain("NaN", "tok/s");
    }

    /** The images' names differ from file to file. */
    @Test
    @Order(2)
    void whatIsReplayedIsTrainedOnNowhere() {
        ShardManifest test = ShardManifest.read(folder.resolve("run/alignment/test")),
                valid = ShardManifest.read(folder.resolve("run/alignment/valid")),
                train = ShardManifest.read(folder.resolve("run/alignment/train"));
        long heldOut = test.rows() + valid.rows();
        assertThat(test.rows()).isBetween(4L, 24L);
        assertThat(train.rows()).isEqualTo(2 * (IMAGES - heldOut));
        assertThat(ShardManifest.read(folder.resolve("run/text/train")).counts())
                .containsEntry("held_out", heldOut)
                .containsEntry("kept", IMAGES - heldOut);
    }

    /** The verb, on what the run left, its template and all. */
    @Test
    @Order(3)
    void theVerbSaysTheSame() {
        Evaluation result = Evaluation.read(folder.resolve("run/evaluation.json"));
        Path run = folder.resolve("run"), draft = run.resolve("export/draft-aligned");
        String out = CommandLineRun.of(
                        "replay",
                        "--draft",
                        draft.toString(),
                        "--draft",
                        run.resolve("export/draft-pretrained").toString(),
                        "--answers",
                        run.resolve("alignment/test").toString(),
                        "--table",
                        run.resolve("tables/answers.ngram").toString(),
                        "--calibration",
                        run.resolve("calibration.json").toString(),
                        "--gamma",
                        "1,3",
                        "--max-tokens",
                        "64",
                        "--target-parameters",
                        "1e6")
                .succeeds()
                .out();
        for (int gamma : List.of(1, 3)) {
            Row aligned = row(result, "aligned", gamma), combined = row(result, "combined", gamma);
            Row mixed = row(result, "mixed", gamma);
            assertThat(out)
                    .contains(
                            String.format(Locale.ROOT, "| draft-aligned | greedy | %d | %.3f [", gamma, aligned.tau()))
                    .contains(String.format(Locale.ROOT, "| combined | greedy | %d | %.3f [", gamma, combined.tau()))
                    .contains(String.format(Locale.ROOT, "| mixed | greedy | %d | %.3f [", gamma, mixed.tau()))
                    .contains(String.format(Locale.ROOT, "] | %.3f |", combined.mbsu()));
        }
        assertThat(CommandLineRun.of(
                                "replay",
                                "--draft",
                                draft.toString(),
                                "--answers",
                                folder.resolve("greedy.jsonl").toString())
                        .succeeds()
                        .out())
                .as("the template goes with the draft")
                .contains("greedy: " + IMAGES + " answers");
    }

    @Test
    @Order(4)
    void asecondRunLeavesAllAndTheTargetsWeightsAreMissedByName() {
        assertThat(outrider("run").succeeds().out()).contains("[generate] done before", "[evaluate] done before");
        outrider("run", "distill.laws=online").failsWith(2, "alignment aligned with online laws", "laws none");
        outrider("run", "distill.loss=kl").failsWith(2, "laws none with loss kl", "loss ce or tvd");
        outrider("run", "distill.warmup_steps=3").failsWith(2, "from kl to ce", "warmup_loss ce for loss tvd");
        outrider("run", "draft={cut: [0]}").failsWith(2, "draft.cut with target.tokenizer alone", "target.checkpoint");
        outrider("run", "draft={copying: 2}").failsWith(2, "draft.copying with target.tokenizer alone");
        outrider("run", "text={written: 5}").failsWith(2, "text.written with target.tokenizer alone");
        outrider("run", "generate.written=5").failsWith(2, "generate.recorded beside prompts, written");
        outrider("run", "generate.recorded=[]").failsWith(2, "target.tokenizer without generate.recorded");
        outrider("run", "evaluate.temperatures=[0, 1]").failsWith(2, "temperatures [0.0, 1.0]; expected [0]");
        outrider("run", "evaluate.mix=[nobody]").failsWith(2, "evaluate.mix [nobody]", "aligned");
        outrider("run", "target.parameters=0").failsWith(2, "target.tokenizer without target.parameters");
        outrider("run", "target.weights=bf16").failsWith(2, "target.weights with target.tokenizer alone");
        outrider("run", "generate.recorded=[/no/answers]", "run=" + folder.resolve("other"))
                .failsWith(2, "generate.recorded: found nothing at /no/answers");
        outrider("run", "target.tokenizer=/no/words", "run=" + folder.resolve("other"))
                .failsWith(2, "target.tokenizer: found nothing at /no/words");
        outrider("run", "draft.vocabulary=999", "run=" + folder.resolve("other"))
                .failsWith(2, "draft.vocabulary: found 999; expected fewer");
        assertThat(outrider("run", "--plan").succeeds().out()).contains("parameters: 1000000", "of which it says 60");
    }

    @Test
    @Order(5)
    void calibrationsNeedTheirTable() {
        Path run = folder.resolve("run");
        CommandLineRun.of(
                        "replay",
                        "--draft",
                        run.resolve("export/draft-aligned").toString(),
                        "--answers",
                        run.resolve("alignment/test").toString(),
                        "--calibration",
                        run.resolve("calibration.json").toString())
                .failsWith(2, "--calibration", "no --table");
    }

    /** TVD from what was said is at most 1; the cross-entropy of as untrained a draft is log 60 or so. */
    @Test
    @Order(6)
    void theLossIsTheRecipes() throws IOException {
        assertThat(firstLoss()).isGreaterThan(1.5);
        outrider("run", "distill.loss=tvd", "distill.training.steps=2", "evaluate.drafters=[aligned]")
                .succeeds();
        assertThat(firstLoss()).isBetween(0.5, 1.0);
    }

    private static double firstLoss() throws IOException {
        String first = Files.readAllLines(folder.resolve("run/distill/metrics.jsonl")).stream()
                .filter(line -> line.contains("answers/loss"))
                .findFirst()
                .orElseThrow();
        return new ObjectMapper().readTree(first).findValue("answers/loss").asDouble();
    }
}
