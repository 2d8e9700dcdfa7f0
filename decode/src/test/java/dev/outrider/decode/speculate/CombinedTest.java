package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Calibration.Against;
import dev.outrider.decode.speculate.Combined.Candidate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CombinedTest {
    private static final int VOCABULARY = 10;

    /** Guesses one token with one rate, known beforehand; counts how often it is asked. */
    private static final class Constant extends StepDrafter {
        private final int token;
        private int asked;

        Constant(String name, int token) {
            super(name, VOCABULARY);
            this.token = token;
        }

        @Override
        public long parameters() {
            return 7;
        }

        @Override
        boolean ready() {
            return true;
        }

        @Override
        int kinds() {
            return 1;
        }

        @Override
        int alike() {
            return 1;
        }

        @Override
        int evidence() {
            asked++;
            return 0;
        }

        @Override
        double confidence(int kind) {
            return 0.5;
        }

        @Override
        int guess(Sampling sampling, Chance chance) {
            if (!sampling.greedy()) law().point(token);
            return token;
        }
    }

    private static Calibration.Rates rate(double rate) {
        return Calibration.Rates.of(1, new long[] {1_000_000}, new long[] {(long) (1_000_000 * rate)});
    }

    private static int[] first(Drafter drafter, int count) {
        drafter.begin(new int[] {1});
        drafter.hear(0, 2);
        var proposal = drafter.propose(count, Sampling.GREEDY, null);
        return Arrays.copyOf(proposal.tokens(), proposal.count());
    }

    @Test
    void theSurerOneProposes() {
        var a = new Constant("a", 3);
        var b = new Constant("b", 4);
        var calibration = new Calibration(Map.of("a", rate(0.3), "b", rate(0.6)));
        var both = new Combined("both", List.of(new Candidate(a, 0), new Candidate(b, 0)), calibration, Costs.FLAT);
        assertThat(first(both, 5)).containsExactly(4, 4, 4, 4, 4);
        assertThat(both.parameters()).isEqualTo(14);
    }

    /** The table's guess is right often, but seldom where the network says another token. */
    @Test
    void whereTheyDifferEachCountsForWhatItIsWorthBesideTheOther() {
        var table = new Constant("table", 3);
        var network = new Constant("network", 4);
        var alike = new Constant("network", 3);
        var rates = Map.of("table", rate(0.7), "network", rate(0.6));
        for (boolean known : new boolean[] {false, true}) {
            Map<Against, Map<String, Calibration.Rates>> against = known
                    ? Map.of(
                            Against.DIFFERENT, Map.of("table", rate(0.1), "network", rate(0.4)),
                            Against.SAME, Map.of("network", rate(0.9)))
                    : Map.of();
            var calibration = new Calibration(rates, against, Map.of());
            var both = List.of(new Candidate(table, 0), new Candidate(network, 0));
            assertThat(first(new Combined("", both, calibration, Costs.FLAT), 2))
                    .containsExactly(known ? new int[] {4, 4} : new int[] {3, 3});
            if (known) {
                Map<String, Calibration.Rates> otherwise = Map.of("table", rate(0.5), "network", rate(0.4));
                var believed = new Calibration(
                        rates, Map.of(Against.DIFFERENT, otherwise, Against.SAME, against.get(Against.SAME)), Map.of());
                assertThat(first(new Combined("", both, believed, Costs.FLAT), 2))
                        .containsExactly(3, 3);
            }
            // Where they agree 0.9, 0.81, .. tokens for 0.6 passes each; else 0.7, 0.49.
            var agreeing = List.of(new Candidate(table, 0), new Candidate(alike, 0));
            assertThat(first(new Combined("", agreeing, calibration, new Costs(1, 1.6)), 9))
                    .hasSize(known ? 4 : 1)
                    .containsOnly(3);
        }
    }

    @Test
    void stopsWhereOneMoreCostsMoreThanItBrings() {
        // 0.6, 0.36, 0.216, 0.13 tokens for 0.2 passes each
        var calibration = new Calibration(Map.of("a", rate(0.6)));
        var one = List.of(new Candidate(new Constant("a", 3), 0));
        assertThat(first(new Combined("a", one, calibration, new Costs(1, 1.2)), 9))
                .hasSize(3);
        assertThat(first(new Combined("a", one, calibration, new Costs(1, 1.7)), 9))
                .isEmpty();
        var paid = List.of(new Candidate(new Constant("a", 3), 0.15));
        assertThat(first(new Combined("a", paid, calibration, new Costs(1, 1.2)), 9))
                .hasSize(2);
    }

    @Test
    void aCostlyOneIsAskedOnlyWhereItMayKnowMore() {
        var cheap = new Constant("cheap", 3);
        var costly = new Constant("costly", 4);
        List<Candidate> candidates = List.of(new Candidate(costly, 0.1), new Candidate(cheap, 0));
        var sure = new Calibration(Map.of("cheap", rate(0.85), "costly", rate(0.9)));
        assertThat(first(new Combined("", candidates, sure, Costs.FLAT), 2)).containsExactly(3, 3);
        assertThat(costly.asked).isZero();
        var unsure = new Calibration(Map.of("cheap", rate(0.1), "costly", rate(0.9)));
        assertThat(first(new Combined("", candidates, unsure, Costs.FLAT), 2)).containsExactly(4, 4);
        assertThat(costly.asked).isEqualTo(2);
    }

    @Test
    void oneThatIsWrongInThisTextIsBelievedLessInIt() {
        List<Candidate> candidates =
                List.of(new Candidate(new Constant("a", 3), 0), new Candidate(new Constant("b", 4), 0));
        var both = new Combined(
                "both", candidates, new Calibration(Map.of("a", rate(0.6), "b", rate(0.5))), new Costs(1, 1.2));
        assertThat(first(both, 9)).containsExactly(3, 3, 3);
        for (int round = 0; round < 8; round++) {
            both.hear(0, 5);
            both.propose(9, Sampling.GREEDY, null);
        }
        both.hear(0, 5);
        // None was right: with n judged guesses 0.6 is now 0.6 · 8 / (8 + 0.6 n), and so for the other.
        var later = both.propose(9, Sampling.GREEDY, null);
        assertThat(later.count()).isBetween(1, 2);
        assertThat(first(both, 9)).as("another text").containsExactly(3, 3, 3);
        for (int round = 0; round < 4; round++) {
            both.hear(0, 5);
            both.propose(9, Sampling.GREEDY, null);
        }
        both.hear(0, 5);
        assertThat(both.propose(1, Sampling.GREEDY, null).tokens()[0]).isEqualTo(4);
    }

    @Test
    void guessesBehindAWrongOneAreNotHeldAgainstIt() {
        var a = List.of(new Candidate(new Constant("a", 3), 0));
        var alone = new Combined("a", a, new Calibration(Map.of("a", rate(0.6))), new Costs(1, 1.2));
        assertThat(first(alone, 9)).hasSize(3);
        alone.hear(0, 5);
        alone.propose(9, Sampling.GREEDY, null);
        alone.hear(0, 5);
        // One wrong guess a round: 0.6 · 8 / 9.2 = 0.52, and 0.52² > 0.2; with all three of a round 0.44² < 0.2.
        assertThat(alone.propose(9, Sampling.GREEDY, null).count()).isEqualTo(2);
    }

    /** Its cache follows what others proposed, and what became of it. */
    @Test
    void aNeuralDraftStaysInStepWithWhatOthersPropose() {
        Seeds.run(20, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1.5);
            NeuralDraft neural = Drafters.neural(VOCABULARY, 64, logits);
            NgramTable table = NgramTable.of(
                    VOCABULARY, 3, List.of(random.ints(60, 0, VOCABULARY).toArray()));
            List<StepDrafter> drafters = List.of(new PromptLookup(VOCABULARY), new NgramDraft(table), neural);
            Combined combined = Drafters.hostile(drafters, random);
            int[] text = Drafters.prompt(random, 3, VOCABULARY);
            combined.begin(text);
            int kept = 0;
            int[] proposed = {};
            for (int round = 0; round < 10; round++) {
                int next = random.nextInt(VOCABULARY);
                combined.hear(kept, next);
                for (int i = 0; i < kept; i++) text = RuleDraft.append(text, proposed[i]);
                text = RuleDraft.append(text, next);
                var proposal = combined.propose(random.nextInt(5), Sampling.GREEDY, null);
                proposed = Arrays.copyOf(proposal.tokens(), proposal.count());
                int[] all = text;
                for (int token : proposed) all = RuleDraft.append(all, token);
                assertThat(Arrays.copyOf(neural.text(), neural.length())).isEqualTo(all);
                assertThat(neural.guess(Sampling.GREEDY, null)).isEqualTo(Greedy.argmax(logits.after(all, all.length)));
                kept = random.nextInt(proposed.length + 1);
            }
        });
    }

    /** With free passes and drafts it proposes γ; with dear ones less, and the share accepted is higher. */
    @Test
    void oneNeuralDraftStopsWhereItIsUnsure() {
        FakeModel.Logits target = FakeModel.random(5, VOCABULARY, 2.5);
        NeuralDraft neural = Drafters.neural(VOCABULARY, 256, FakeModel.noisy(target, 6, 1.2));
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 256, target));
        Limits limits = new Limits(100, Set.of());
        List<Recorded> answers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            int[] prompt = {i % VOCABULARY, i / VOCABULARY};
            answers.add(new Recorded(
                    prompt,
                    decoder.autoregressive(prompt, Sampling.GREEDY, limits, 0, Listener.NONE)
                            .tokens()));
        }
        Calibration calibration = Calibration.of(List.of(neural), answers.subList(0, 10));
        Replay replay = new Replay(6, Set.of(), 100);
        List<Recorded> others = answers.subList(10, 20);
        Tally always = replay.tally(neural, others);
        Tally free = replay.tally(one(neural, 0, calibration, Costs.FLAT), others);
        Tally dear = replay.tally(one(neural, 0.1, calibration, new Costs(1, 1.2)), others);
        assertThat(free.drafted()).isEqualTo(always.drafted());
        assertThat(free.passes()).isEqualTo(always.passes());
        assertThat((double) dear.accepted() / dear.drafted()).isGreaterThan(1.1 * always.accepted() / always.drafted());
        assertThat(cost(dear)).isLessThan(cost(always));
    }

    private static Combined one(StepDrafter drafter, double cost, Calibration calibration, Costs costs) {
        return new Combined("adaptive", List.of(new Candidate(drafter, cost)), calibration, costs);
    }

    /** Of a token, in passes, if one row more takes 0.2 passes and a guess 0.1. */
    private static double cost(Tally tally) {
        return (tally.passes() + 0.3 * tally.drafted()) / tally.tokens();
    }

    @Test
    void drafterOfAnotherVocabularyIsRefused() {
        List<Candidate> candidates =
                List.of(new Candidate(new PromptLookup(5), 0), new Candidate(new PromptLookup(6), 0));
        assertThatThrownBy(() -> new Combined("", candidates, Calibration.raw(), Costs.FLAT))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("vocabulary of 6");
    }

    @Test
    void costsGoOnAsTheLastTwo() {
        Costs costs = new Costs(1, 1.5, 1.75);
        assertThat(costs.pass(2)).isEqualTo(1.5);
        assertThat(costs.pass(5)).isEqualTo(2.25);
        assertThat(costs.row(1)).isEqualTo(0.5);
        assertThat(Costs.FLAT.pass(9)).isEqualTo(1);
        assertThatThrownBy(() -> new Costs(1, 0)).isInstanceOf(Failure.class);
        FakeModel model = new FakeModel(4, 64, (context, length) -> new float[4]); // less room than it would like
        assertThat(Costs.measure(model, 5).passes()).hasSize(5).startsWith(1);
        assertThat(model.length()).isZero();
    }
}
