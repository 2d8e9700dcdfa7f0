package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** A draft for a given chat model, with all that a recipe can ask for at once; then other settings, and the verbs. */
@Tag("slow")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ChatPipelineTest {
    private static final String EVALUATED = "what does the old goat eat on a cold and rainy day in may?";

    @TempDir
    static Path folder;

    @BeforeAll
    static void write() throws IOException {
        ChatTarget.write(folder.resolve("target"), 1);
        ChatTarget.write(folder.resolve("elsewhere"), 2);
        Files.writeString(folder.resolve("chats.jsonl"), chats("a bee ", 40));
        Files.writeString(folder.resolve("prompts.jsonl"), chats("a goat ", 60) + chat(EVALUATED, "hay"));
        Files.writeString(folder.resolve("passages.txt"), "a hen ran\n\nan egg was here and there\n\n" + EVALUATED);
        Files.writeString(folder.resolve("suite.jsonl"), """
                {"question_id": 1, "category": "writing", "turns": ["%s"]}
                {"question_id": 2, "category": "qa", "turns": ["an odd one"]}
                """.formatted(EVALUATED));
        Files.writeString(folder.resolve("chat.yaml"), """
                name: chat
                run: FOLDER/run
                threads: 1
                spark: {master: "local[1]"}
                text: {inputs: [FOLDER/chats.jsonl], format: conversations, length: 96, validation: 0.2}
                target: {checkpoint: FOLDER/target, weights: bf16}
                draft: {cut: [0, 2], vocabulary: 24}
                pretrain: {steps: 4, batch: 2, rate: 1e-3}
                generate:
                  prompts: [FOLDER/prompts.jsonl]
                  written: 40
                  begin: ["", "a be"]
                  passages: {texts: [FOLDER/passages.txt], least: 1, words: 20, ask: ["say {passage}"]}
                  temperatures: [0, 1.0]
                  max_tokens: 16
                  evaluation: 0
                  top_k: 8
                tables: {text: true, text_least: 1}
                alignments:
                  - name: kl
                    laws: stored
                    loss: kl
                    share: 0.8
                    training: {steps: 4, batch: 4, rate: 1e-3}
                distill:
                  name: tvd-after-kl
                  start: kl
                  loss: tvd++
                  share: 1
                  on_policy: {share: 0.5, max_tokens: 4, refresh: 2}
                  training: {steps: 4, batch: 4, rate: 1e-3}
                export: {dtype: f32, gguf: [bf16], pad_vocabulary: 320}
                evaluate:
                  suites: {bench: FOLDER/suite.jsonl}
                  drafters: [lookup, bigram, ngram, combined, pretrained, kl, tvd-after-kl, elsewhere]
                  drafts: {elsewhere: FOLDER/elsewhere}
                  gammas: [1, 3]
                  temperatures: [0, 0.7]
                  prompts: 1
                  max_tokens: 12
                  weights: f32
                """.replace("FOLDER", folder.toString()));
    }

    private static String chats(String begin, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> chat(begin + Integer.toString(i * 7919, 20), "oh, " + Integer.toString(i * 104729, 20)))
                .collect(Collectors.joining());
    }

    private static String chat(String user, String assistant) {
        return """
                {"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "%s"}]}
                """.formatted(user, assistant);
    }

    private static Path run(String place) {
        return folder.resolve("run").resolve(place);
    }

    private static String outrider(String verb, String... overrides) {
        return CommandLineRun.of(Stream.concat(
                                Stream.of(verb, folder.resolve("chat.yaml").toString()), Stream.of(overrides))
                        .toArray(String[]::new))
                .succeeds()
                .out();
    }

    @Test
    @Order(1)
    void everythingAtOnce() throws IOException {
        String out = outrider("run");
        assertThat(out)
                .contains(
                        "is evaluated on: " + EVALUATED,
                        "prompts that the target wrote: {",
                        "draft vocabulary: 24 of " + ChatTarget.TOKENIZER.size() + " tokens",
                        "right on ",
                        "Proof: ");
        assertThat(run("prompts/prompts.jsonl"))
                .content()
                .contains("\"task\":\"written\"", "a goat", "say a hen ran", "say an egg was");
        assertThat(out).contains(" of answers: ", " of text: ", "text bigram ");
        assertThat(run("prompts/prompts.jsonl")).content().doesNotContain("old goat");
        try (Checkpoint pretrained = Checkpoint.open(last("pretrain"));
                Checkpoint padded = Checkpoint.open(run("export/draft-kl-padded"))) {
            assertThat(pretrained.config().layers()).isEqualTo(2);
            assertThat(pretrained.config().outputSize()).isEqualTo(24);
            assertThat(padded.config().vocabSize()).isEqualTo(320);
        }
        figures(Evaluation.read(run("evaluation.json")));
        assertThat(run("report.html")).content().contains("tvd-after-kl", "alignment kl", "held as bf16");
    }

    private static Path last(String training) throws IOException {
        try (Stream<Path> steps = Files.list(run(training + "/checkpoints"))) {
            return steps.sorted().toList().getLast();
        }
    }

    private static void figures(Evaluation result) {
        assertThat(result.drafts()).extracting(Model::name).hasSize(8).doesNotHaveDuplicates();
        assertThat(result.drafts()).extracting(Model::name).contains("lookup", "bigram", "combined", "elsewhere");
        assertThat(result.compared()).isEqualTo(2 * 8 * 2);
        assertThat(result.identical()).isEqualTo(result.compared());
        assertThat(result.rows()).extracting(Evaluation.Row::task).contains("mt_bench", "qa", "all");
        assertThat(result.overall()).hasSize(8 * 2 * 2).allSatisfy(r -> {
            assertThat(r.tau()).isBetween(1.0, r.gamma() + 1.0);
            assertThat(r.mbsu()).isEqualTo(r.tau() / (r.c() * r.gamma() + 1));
            assertThat(r.mbsuRead()).isEqualTo(r.tau() / (r.cRead() * r.gamma() + 1));
        });
        assertThat(result.target().weights()).isEqualTo("bf16");
        assertThat(result.target().read()).isLessThan(result.target().parameters());
    }

    @Test
    @Order(2)
    void aSecondRunAndOtherSettings() {
        assertThat(outrider("run").lines().filter(line -> line.startsWith("[")))
                .isNotEmpty()
                .allMatch(line -> line.endsWith("done before"));
        assertThat(outrider(
                        "distill",
                        "generate.slots=3",
                        "distill.name=other",
                        "evaluate.drafters=[other]",
                        "evaluate.suites={renamed: \"" + folder.resolve("suite.jsonl") + "\"}"))
                .contains("[distill] done before");
        assertThat(outrider("distill", "distill.temperature=2"))
                .contains("[distill-kl] done before", "[pretrain] done before", "[generate] done before")
                .doesNotContain("[distill] done before");
        assertThat(run("distill.old-1")).exists();
        assertThat(run("distill-kl.old-1")).doesNotExist();
    }

    @Test
    @Order(3)
    void theGgufIsTheDraft() {
        String gguf = run("export/draft-tvd-after-kl-bf16.gguf").toString(),
                pack = run("export/parity").toString();
        assertThat(CommandLineRun.of("inspect", gguf).succeeds().out())
                .contains("tokenizer   llama (default), 320 pieces", "BF16", "template    in ", "made        ");
        String back = folder.resolve("back").toString();
        assertThat(CommandLineRun.of("convert", gguf, back, "--dtype", "f32")
                        .succeeds()
                        .out())
                .contains(back + "  F32  from " + gguf);
        CommandLineRun.of("convert", gguf, back).failsWith(2, back + ": found something there already");
        String target = folder.resolve("target").toString();
        String exact = run("export/draft-tvd-after-kl").toString();
        assertThat(CommandLineRun.of("parity", pack, "--checkpoint", exact, "--target", target)
                        .succeeds()
                        .out())
                .contains("nothing was lost");
        CommandLineRun other = CommandLineRun.of(
                "parity", pack, "--target", folder.resolve("elsewhere").toString());
        assertThat(other.code()).isEqualTo(3);
        assertThat(other.out()).contains("SOMETHING WAS LOST");
    }
}
