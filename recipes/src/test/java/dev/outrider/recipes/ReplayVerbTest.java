package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.data.answers.RecordedTexts;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.Replay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Recorded answers, replayed from the command line. */
class ReplayVerbTest {
    @TempDir
    Path folder;

    private Path draft;

    @BeforeEach
    void write() {
        draft = Tiny.model(folder.resolve("draft"));
    }

    private Path answers(String... decodings) throws IOException {
        StringBuilder rows = new StringBuilder();
        for (String decoding : decodings) {
            String said = decoding == null ? "" : ", \"decoding\": \"" + decoding + "\"";
            rows.append("{\"conversations\": [{\"from\": \"human\", \"value\": \"the cat\"},"
                    + " {\"from\": \"gpt\", \"value\": \"sat on a mat and sat on a mat\"}]" + said + "}\n");
        }
        return Files.writeString(folder.resolve("answers.jsonl"), rows);
    }

    private CommandLineRun replay(Path answers, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "replay", "--draft", draft.toString(), "--answers", answers.toString(), "--template", "vicuna_v1"));
        args.addAll(List.of(more));
        return CommandLineRun.of(args.toArray(String[]::new));
    }

    @Test
    void greedyAnswersAreReplayedExactly() throws IOException {
        Path answers = answers("greedy", "greedy");
        CommandLineRun run =
                replay(answers, "--gamma", "2,3", "--target-parameters", "1e6").succeeds();
        assertThat(run.out())
                .contains("greedy: 2 answers", "the replay is exact")
                .doesNotContain("estimate");
        try (Checkpoint model = Checkpoint.open(draft);
                CpuDevice device = new CpuDevice(1);
                NeuralDraft drafter = new NeuralDraft(
                        Llama.open(draft, device, 64), model.config().parameters())) {
            RecordedTexts kind = RecordedTexts.of(
                            ConversationFiles.of(answers), ChatTemplate.named("vicuna_v1"), model.requireTokenizer())
                    .getFirst();
            for (int gamma = 2; gamma <= 3; gamma++) {
                var tally = new Replay(gamma, Set.of(2), 1024).tally(drafter, kind.answers());
                double mbsu = tally.memoryBoundSpeedup(model.config().parameters() / 1e6, gamma);
                assertThat(run.out())
                        .contains(String.format(
                                Locale.ROOT, "| draft | greedy | %d | %.3f [", gamma, tally.blockEfficiency()))
                        .contains(String.format(Locale.ROOT, "] | %.3f |", mbsu));
            }
        }
    }

    @Test
    void whatWasSampledIsAnEstimateWithAnotherName() throws IOException {
        String out = replay(answers("sampled T=0.7", null), "--target-parameters", "1e6")
                .succeeds()
                .out();
        assertThat(out).contains("sampled: 1 answers", "unknown: 1 answers", "match estimate: how often");
        assertThat(out.lines().filter(l -> l.startsWith("| draft |")))
                .hasSize(8)
                .allMatch(l -> l.contains("| match estimate ") && l.contains("] | - |"));
        assertThat(replay(answers((String) null), "--greedy").succeeds().out()).contains("the replay is exact");
    }

    @Test
    void lookUpAndLimit() throws IOException {
        String out = replay(answers("greedy", "greedy"), "--lookup", "--limit", "1")
                .succeeds()
                .out();
        assertThat(out).contains("greedy: 1 answers", "| lookup | greedy | 1 |", "| lookup | greedy | 7 |");
        // The answer says the same words twice: each row is its own γ's.
        assertThat(tau(out, 7)).isGreaterThan(tau(out, 3));
        assertThat(tau(out, 3)).isGreaterThan(tau(out, 1));
        assertThat(tau(out, 1)).isBetween(1.1, 2.0);
    }

    private static double tau(String out, int gamma) {
        String row = "| lookup | greedy | " + gamma + " | ";
        String said = out.substring(out.indexOf(row) + row.length());
        return Double.parseDouble(said.substring(0, said.indexOf(' ')));
    }

    @Test
    void errors() throws IOException {
        replay(folder.resolve("none.jsonl")).failsWith(3, "none.jsonl", "no such file");
        replay(answers("greedy"), "--gamma", "0").failsWith(2, "gamma", "1 to 16");
        CommandLineRun.of(
                        "replay",
                        "--draft",
                        draft.toString(),
                        "--answers",
                        answers("greedy").toString())
                .failsWith(3, "no chat template", "vicuna_v1");
        Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt\": \"the cat\"}");
        replay(folder.resolve("prompts.jsonl")).failsWith(3, "prompts.jsonl", "no answers");
    }
}
