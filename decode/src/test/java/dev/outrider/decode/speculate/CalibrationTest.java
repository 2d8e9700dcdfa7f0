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
        }
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
