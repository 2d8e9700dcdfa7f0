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
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MixedTest {
    private static final int VOCABULARY = 12;

    private static NgramTable table(RandomGenerator random) {
        return NgramTable.of(
                VOCABULARY, 3, List.of(random.ints(60, 0, VOCABULARY).toArray()));
    }

    /** Softmax and shares by plain loops, averaged. */
    private static double[] mean(NgramTable table, FakeModel.Logits logits, int[] text, double[] weights) {
        NgramDraft counted = new NgramDraft(table);
        counted.begin(text);
        double[] mean = new double[VOCABULARY];
        counted.addLaw(mean, weights[0]);
        float[] row = logits.after(text, text.length);
        double sum = IntStream.range(0, VOCABULARY)
                .mapToDouble(i -> Math.exp(row[i]))
                .sum();
        for (int i = 0; i < VOCABULARY; i++) mean[i] += weights[1] * Math.exp(row[i]) / sum;
        return mean;
    }

    private static int argmax(double[] law) {
        return IntStream.range(0, law.length).reduce(0, (a, b) -> law[b] > law[a] ? b : a);
    }

    /** At every position of a proposal, whatever was kept of the one before. */
    @Test
    void guessesByTheMeanOfItsPartsLaws() {
        Seeds.run(20, random -> {
            double[] weights = {0.3, 0.7};
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1.5);
            NgramTable table = table(random);
            Mixed mixed = new Mixed(
                    "mixed", List.of(new NgramDraft(table), Drafters.neural(VOCABULARY, 64, logits)), weights);
            assertThat(mixed.parameters()).isEqualTo(10);
            int[] prompt = Drafters.prompt(random, 3, VOCABULARY);
            List<Integer> text = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
            mixed.begin(prompt);
            Sampling sampling = new Sampling(0.7, 0, 0.9, 0, 1);
            for (int round = 0; round < 5; round++) {
                boolean greedy = random.nextBoolean();
                var proposal = mixed.propose(3, greedy ? Sampling.GREEDY : sampling, Chance.of(random));
                for (int i = 0; i < 3; i++) {
                    int[] before = ids(text, proposal.tokens(), i);
                    double[] mean = mean(table, logits, before, weights);
                    if (greedy) {
                        assertThat(proposal.tokens()[i]).isEqualTo(argmax(mean));
                    } else {
                        double[] logs = Arrays.stream(mean).map(Math::log).toArray();
                        double[] expected = LawTest.all(new Law(VOCABULARY).from(logs, sampling, null));
                        assertThat(LawTest.all(proposal.laws()[i])).containsExactly(expected, within(1e-9));
                    }
                }
                int kept = random.nextInt(4), next = random.nextInt(VOCABULARY);
                for (int i = 0; i < kept; i++) text.add(proposal.tokens()[i]);
                text.add(next);
                mixed.hear(kept, next);
                double greatest = Arrays.stream(mean(table, logits, ids(text, new int[0], 0), weights))
                        .max()
                        .orElseThrow();
                assertThat(mixed.evidence()).isEqualTo((int) (20 * greatest));
            }
        });
    }

    private static int[] ids(List<Integer> text, int[] more, int count) {
        return IntStream.concat(
                        text.stream().mapToInt(i -> i), Arrays.stream(more).limit(count))
                .toArray();
    }

    /** A token that has come is less likely, greedily too. */
    @Test
    void heedsTheRepetitionPenalty() {
        FakeModel.Logits same = (context, length) -> new float[] {3, 2.9f, 0, 0};
        NgramTable table = NgramTable.of(4, 1, List.of(new int[] {0, 1, 2, 3}));
        Mixed mixed = new Mixed(
                "mixed", List.of(new NgramDraft(table), Drafters.neural(4, 64, same)), new double[] {0.1, 0.9});
        mixed.begin(new int[] {0, 2});
        assertThat(mixed.propose(1, Sampling.GREEDY, null).tokens()[0]).isZero();
        mixed.hear(0, 2);
        Sampling penalised = new Sampling(0, 0, 1, 0, 1.5);
        assertThat(mixed.propose(1, penalised, null).tokens()[0]).isEqualTo(1);
        mixed.hear(1, 2);
        assertThat(mixed.propose(1, penalised, null).tokens()[0])
                .as("both have come")
                .isZero();
        mixed.begin(new int[] {0});
        assertThat(mixed.propose(1, penalised, null).tokens()[0]).isEqualTo(1);
        mixed.begin(new int[] {3});
        assertThat(mixed.propose(1, penalised, null).tokens()[0])
                .as("another text")
                .isZero();
    }

    /** Texts drawn from a mean of known weights give these back, and no others make them likelier. */
    @Test
    void weightsAreThoseUnderWhichAnswersAreLikeliest() {
        Seeds.run(3, random -> {
            double truth = 0.2 + 0.6 * random.nextDouble();
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 2);
            NgramTable table = table(random);
            List<StepDrafter> parts = List.of(new NgramDraft(table), Drafters.neural(VOCABULARY, 64, logits));
            Mixed drawn = new Mixed("drawn", parts, new double[] {truth, 1 - truth});
            List<Recorded> answers = new ArrayList<>();
            for (int i = 0; i < 120; i++) {
                int[] prompt = Drafters.prompt(random, 2, VOCABULARY), answer = new int[40];
                drawn.begin(prompt);
                for (int t = 0; t < answer.length; t++) {
                    answer[t] = drawn.guess(Sampling.temperature(1), Chance.of(random));
                    drawn.hear(0, answer[t]);
                }
                answers.add(new Recorded(prompt, answer));
            }
            Calibration calibration = Calibration.of(List.of(), List.of()).mixing(parts, answers);
            double[] found = calibration.weights(parts);
            assertThat(found[0]).isEqualTo(truth, within(0.08));
            assertThat(found[0] + found[1]).isEqualTo(1, within(1e-12));
            double best = likelihood(table, logits, answers, found[0]);
            for (double other : new double[] {found[0] - 0.03, found[0] + 0.03}) {
                assertThat(likelihood(table, logits, answers, other)).isLessThan(best);
            }
        });
    }

    private static double likelihood(NgramTable table, FakeModel.Logits logits, List<Recorded> answers, double weight) {
        double sum = 0;
        for (Recorded r : answers) {
            int[] text = Arrays.copyOf(r.prompt(), r.prompt().length + r.answer().length);
            System.arraycopy(r.answer(), 0, text, r.prompt().length, r.answer().length);
            for (int i = r.prompt().length + 1; i < text.length; i++) {
                double[] mean = mean(table, logits, Arrays.copyOf(text, i), new double[] {weight, 1 - weight});
                sum += Math.log(mean[text[i]]);
            }
        }
        return sum;
    }

    /** What no part thinks possible says nothing about them. */
    @Test
    void impossibleTokensDoNotCount() {
        NgramDraft counted = new NgramDraft(NgramTable.of(6, 2, List.of(new int[] {0, 2, 0, 2, 3, 0, 2})));
        NeuralDraft pruned = Drafters.pruned(6, 64, (context, length) -> new float[6]); // cannot say 1 and 4
        List<StepDrafter> parts = List.of(counted, pruned);
        List<Recorded> without = List.of(new Recorded(new int[] {0}, new int[] {2, 0, 2, 3}));
        List<Recorded> with = List.of(without.getFirst(), new Recorded(new int[] {0}, new int[] {2, 4, 1}));
        double[] weights = Mixed.weights(parts, with);
        assertThat(weights).containsExactly(Mixed.weights(parts, without), within(1e-12));
        assertThat(weights[0]).isGreaterThan(0.5);
    }

    @Test
    void weightsAreKeptWithTheCalibration(@TempDir Path folder) throws IOException {
        RandomGenerator random = Seeds.generator(5);
        NgramTable table = table(random);
        NgramDraft counted = new NgramDraft(table);
        NeuralDraft net = Drafters.neural(VOCABULARY, 64, FakeModel.random(1, VOCABULARY, 1));
        List<StepDrafter> parts = List.of(counted, net);
        List<Recorded> answers = List.of(
                new Recorded(new int[] {1}, random.ints(30, 0, VOCABULARY).toArray()));
        Calibration made = Calibration.of(List.of(counted), answers).mixing(parts, answers);
        Path file = folder.resolve("calibration.json");
        made.write(file);
        Calibration read = Calibration.read(file);
        assertThat(read.weights(parts)).isEqualTo(made.weights(parts));
        assertThat(read.weights(List.of(net, counted))).containsExactly(made.weights(parts)[1], made.weights(parts)[0]);
        assertThat(read.rate(counted.name())).isEqualTo(made.rate(counted.name()));
        assertThatThrownBy(() -> read.weights(List.of(net)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("Calibrate what is mixed");
        for (String bad : List.of("1.5", "-0.1", "\"half\"")) {
            String json = Files.readString(file).replaceFirst("(\"draft\":)[0-9.Ee-]+", "$1" + bad);
            Path damaged = Files.writeString(folder.resolve("damaged.json"), json);
            assertThatThrownBy(() -> Calibration.read(damaged))
                    .as(bad)
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("weight");
        }
    }

    @Test
    void partsMustKnowTheirLawsAndShareAVocabulary() {
        NgramDraft counted = new NgramDraft(table(Seeds.generator(1)));
        double[] halves = {0.5, 0.5};
        assertThatThrownBy(() -> new Mixed("m", List.of(counted, new PromptLookup(VOCABULARY)), halves))
                .hasMessageContaining("lookup does not know its law");
        NeuralDraft other = Drafters.neural(VOCABULARY + 1, 8, FakeModel.random(1, VOCABULARY + 1, 1));
        assertThatThrownBy(() -> new Mixed("m", List.of(counted, other), halves))
                .isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new Mixed("m", List.of(counted), halves)).hasMessageContaining("2 weights");
    }
}
