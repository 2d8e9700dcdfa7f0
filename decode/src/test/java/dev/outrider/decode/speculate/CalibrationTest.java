package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.ngram.NgramTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrationTest {
    private static final int VOCABULARY = 30;

    @TempDir
    Path folder;

    /** Texts in which every token is likely to be followed by its double. */
    private static List<Recorded> answers(long seed, int count) {
        var random = Seeds.generator(seed);
        List<Recorded> answers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] answer = new int[60];
            for (int t = 1; t < answer.length; t++) {
                answer[t] =
                        random.nextDouble() < 0.6 ? (2 * answer[t - 1] + 1) % VOCABULARY : random.nextInt(VOCABULARY);
            }
            answers.add(new Recorded(new int[] {random.nextInt(VOCABULARY)}, answer));
        }
        return answers;
    }

    private static NgramTable table() {
        return NgramTable.of(
                VOCABULARY, 4, answers(1, 40).stream().map(Recorded::answer).toList());
    }

    /** The rates are those of guesses made by hand, and below what a table thinks of itself. */
    @Test
    void ratesAreThoseOnTextsThatTheTableHasNotSeen() {
        List<Recorded> heldOut = answers(2, 40);
        NgramDraft draft = new NgramDraft(table());
        var rates = Calibration.of(List.of(draft), heldOut).rates(draft);
        long right = 0;
        double sure = 0;
        for (Recorded recorded : heldOut) {
            for (int i = 1; i < recorded.answer().length; i++) {
                int[] before = Arrays.copyOf(recorded.answer(), i);
                draft.begin(before);
                sure += draft.ready() ? draft.confidence(draft.evidence()) : 0;
                draft.begin(before);
                var proposal = draft.propose(1, Sampling.GREEDY, null);
                if (proposal.tokens()[0] == recorded.answer()[i]) right++;
            }
        }
        long guesses = Arrays.stream(rates.guesses()).sum();
        assertThat(guesses).isEqualTo(40 * 59);
        // The prompt is context as well: at the first two positions contexts may be longer than by hand.
        assertThat((double) Arrays.stream(rates.right()).sum() / guesses)
                .isEqualTo((double) right / guesses, within(0.03));
        assertThat(sure / guesses).isGreaterThan(1.2 * right / guesses);
        double expected = 0;
        for (int i = 0; i < rates.expected().length; i++) expected += rates.shares()[i] * rates.expected()[i];
        assertThat(expected).isEqualTo((double) right / guesses, within(0.05));
    }

    /** Against the counts of guesses made one by one, of the table that is believed and of a model that stands for the network. */
    @Test
    void theLastIsCountedAgainstTheOneThatIsBelieved() {
        NgramDraft bigram = new NgramDraft(table(), 2, 1, NgramDraft.Choice.DRAWN), longest = new NgramDraft(table());
        NeuralDraft network = Drafters.neural(VOCABULARY, 128, (context, length) -> {
            float[] logits = new float[VOCABULARY];
            logits[(2 * context[length - 1] + 1) % VOCABULARY] = context[length - 1] % 3 == 0 ? 5 : 1;
            logits[context[length - 1] % 4] += 2;
            return logits;
        });
        List<Recorded> heldOut = answers(2, 40);
        Calibration calibration = Calibration.of(List.of(bigram, longest, network), heldOut);
        long[] counted = new long[5];
        for (Recorded recorded : heldOut) {
            int[] answer = recorded.answer();
            for (StepDrafter each : List.of(bigram, longest, network)) {
                each.begin(recorded.prompt());
                each.hear(0, answer[0]);
            }
            for (int i = 1; i < answer.length; i++) {
                double[] believed = new double[2];
                int[] said = new int[3];
                List<StepDrafter> all = List.of(bigram, longest, network);
                for (int d = 0; d < 3; d++) {
                    all.get(d).ready();
                    if (d < 2)
                        believed[d] = calibration.rates(all.get(d))
                                .expected()[all.get(d).evidence()];
                    said[d] = all.get(d).guess(Sampling.GREEDY, null);
                }
                int table = believed[1] > believed[0] ? said[1] : said[0];
                boolean agree = table == said[2];
                counted[agree ? 0 : 1]++;
                if (agree && said[2] == answer[i]) counted[2]++;
                if (!agree && said[2] == answer[i]) counted[3]++;
                if (!agree && table == answer[i]) counted[4]++;
                for (StepDrafter each : all) each.hear(0, answer[i]);
            }
        }
        assertThat(counted[0]).isPositive();
        assertThat(counted[1]).isPositive();
        var same = calibration.against(Calibration.Against.SAME, network).orElseThrow();
        var different =
                calibration.against(Calibration.Against.DIFFERENT, network).orElseThrow();
        assertThat(Arrays.stream(same.guesses()).sum()).isEqualTo(counted[0]);
        assertThat(Arrays.stream(same.right()).sum()).isEqualTo(counted[2]);
        assertThat(Arrays.stream(different.guesses()).sum()).isEqualTo(counted[1]);
        assertThat(Arrays.stream(different.right()).sum()).isEqualTo(counted[3]);
        long tables = 0, right = 0;
        for (StepDrafter each : List.of(bigram, longest)) {
            var of = calibration.against(Calibration.Against.DIFFERENT, each).orElseThrow();
            tables += Arrays.stream(of.guesses()).sum();
            right += Arrays.stream(of.right()).sum();
            assertThat(calibration.against(Calibration.Against.SAME, each)).isEmpty();
        }
        assertThat(tables).isEqualTo(counted[1]);
        assertThat(right).isEqualTo(counted[4]);
    }

    @Test
    void rareEvidenceLeansOnAlikeEvidence() {
        var rates = Calibration.Rates.of(2, new long[] {1000, 0, 1000, 1}, new long[] {900, 0, 100, 1});
        assertThat(rates.expected()[0]).isEqualTo(0.9, within(0.01));
        assertThat(rates.expected()[1]).isEqualTo(0.9, within(0.01));
        assertThat(rates.expected()[2]).isEqualTo(0.1, within(0.01));
        assertThat(rates.expected()[3]).isBetween(0.1, 0.4);
    }

    @Test
    void isReadAsItWasWritten() {
        NgramDraft draft = new NgramDraft(table());
        PromptLookup lookup = new PromptLookup(VOCABULARY);
        Calibration calibration = Calibration.of(List.of(draft, lookup), answers(3, 10));
        calibration.write(folder.resolve("calibration.json"));
        Calibration read = Calibration.read(folder.resolve("calibration.json"));
        for (StepDrafter each : List.of(draft, lookup)) {
            assertThat(read.rates(each)).usingRecursiveComparison().isEqualTo(calibration.rates(each));
            assertThat(read.rate(each.name())).isEqualTo(calibration.rate(each.name()));
            for (Calibration.Against how : Calibration.Against.values()) {
                assertThat(read.against(how, each))
                        .usingRecursiveComparison()
                        .isEqualTo(calibration.against(how, each));
            }
        }
        assertThat(read.against(Calibration.Against.SAME, lookup)).isPresent();
        assertThatThrownBy(() -> read.rates(new NgramDraft(table(), 2, 1, NgramDraft.Choice.DRAWN)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("bigram");
    }

    @Test
    void damagedFilesAreRefused() throws IOException {
        refused("{\"version\":1,", "corrupt");
        refused("{\"version\":2}", "too new");
        refused("{}", "no version");
        refused("{\"version\":1,\"drafters\":{\"a\":{\"alike\":2,\"guesses\":[1],\"right\":[1]}}}", "corrupt");
        assertThatThrownBy(() -> Calibration.read(folder.resolve("absent"))).isInstanceOf(Failure.class);
    }

    private void refused(String json, String message) throws IOException {
        Path file = Files.writeString(folder.resolve("damaged.json"), json);
        assertThatThrownBy(() -> Calibration.read(file))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.DATA))
                .hasMessageContaining(message);
    }
}
