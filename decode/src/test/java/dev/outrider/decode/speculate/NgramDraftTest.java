package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.ngram.NgramTable;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NgramDraftTest {
    private static final Sampling PLAIN = Sampling.temperature(1);

    @Test
    void lawsAreTheSharesOfFollowersOfTheLongestKnownContext() {
        Seeds.run(20, random -> {
            int vocabulary = random.nextInt(2, 9);
            int order = random.nextInt(1, 6);
            List<int[]> texts = texts(random, vocabulary);
            NgramDraft draft = new NgramDraft(NgramTable.of(vocabulary, order, texts));
            for (int i = 0; i < 50; i++) {
                int[] text = Drafters.prompt(random, random.nextInt(1, 7), vocabulary);
                draft.begin(text);
                double[] law =
                        LawTest.all(draft.propose(1, PLAIN, Chance.of(random)).laws()[0]);
                assertThat(law).containsExactly(shares(texts, text, order, vocabulary), within(1e-12));
            }
        });
    }

    private static List<int[]> texts(RandomGenerator random, int vocabulary) {
        List<int[]> texts = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            texts.add(random.ints(random.nextInt(40), 0, vocabulary).toArray());
        }
        texts.add(new int[] {0});
        return texts;
    }

    /** Counted naively: the longest end of the text, shorter than the order, that anything ever followed. */
    private static double[] shares(List<int[]> texts, int[] text, int order, int vocabulary) {
        for (int length = Math.min(order - 1, text.length); ; length--) {
            double[] followers = new double[vocabulary];
            double total = 0;
            for (int[] each : texts) {
                for (int i = length; i < each.length; i++) {
                    if (!ends(each, i, text, length)) continue;
                    followers[each[i]]++;
                    total++;
                }
            }
            double all = total;
            if (total > 0)
                return IntStream.range(0, vocabulary)
                        .mapToDouble(b -> followers[b] / all)
                        .toArray();
        }
    }

    private static boolean ends(int[] each, int end, int[] text, int length) {
        return IntStream.rangeClosed(1, length).allMatch(j -> each[end - j] == text[text.length - j]);
    }

    /** Against the definition, from the shortest context up, counted naively. */
    @Test
    void aWholeLawDiscountsEachContextForTheShorterOnes() {
        Seeds.run(20, random -> {
            int vocabulary = random.nextInt(2, 9), order = random.nextInt(1, 6);
            List<int[]> texts = texts(random, vocabulary);
            int least = random.nextInt(1, 4);
            NgramTable table = NgramTable.of(vocabulary, order, texts);
            NgramDraft draft = new NgramDraft(table, order, least, NgramDraft.Choice.DRAWN);
            for (int i = 0; i < 50; i++) {
                int[] text = Drafters.prompt(random, random.nextInt(1, 7), vocabulary);
                draft.begin(text);
                double[] law = new double[vocabulary];
                draft.addLaw(law, 0.25);
                double[] expected = discounted(texts, text, order, least, vocabulary);
                for (int b = 0; b < vocabulary; b++) assertThat(law[b]).isEqualTo(0.25 * expected[b], within(1e-12));
                assertThat(IntStream.range(0, vocabulary)
                                .mapToDouble(b -> law[b])
                                .sum())
                        .isEqualTo(0.25, within(1e-12));
            }
        });
    }

    private static double[] discounted(List<int[]> texts, int[] text, int order, int least, int vocabulary) {
        double[] law = new double[vocabulary];
        for (int length = 0; length < Math.min(order, text.length + 1); length++) {
            double[] followers = new double[vocabulary];
            for (int[] each : texts) {
                for (int i = length; i < each.length; i++) if (ends(each, i, text, length)) followers[each[i]]++;
            }
            double total = IntStream.range(0, vocabulary)
                    .mapToDouble(b -> followers[b])
                    .sum();
            if (total == 0) break;
            if (length > 0 && total < least) continue;
            double discount = length == 0 ? 0 : 0.75;
            double left = discount
                    * IntStream.range(0, vocabulary)
                            .filter(b -> followers[b] > 0)
                            .count()
                    / total;
            for (int b = 0; b < vocabulary; b++) {
                law[b] = Math.max(0, followers[b] - discount) / total + left * law[b];
            }
        }
        return law;
    }

    @Test
    void greedyFollowsTheMostFrequentAndBacksOff() {
        // 1 -> 2 twice, 3 once; 2 -> 3 and 4 once each: the lower id; nothing follows 4: 2 is the most frequent of all
        NgramDraft draft = new NgramDraft(NgramTable.of(
                6, 2, List.of(new int[] {1, 2, 3}, new int[] {1, 2, 4}, new int[] {1, 3, 2}, new int[] {2})));
        draft.begin(new int[] {5, 1});
        var proposal = draft.propose(3, Sampling.GREEDY, null);
        assertThat(proposal.count()).isEqualTo(3);
        assertThat(proposal.tokens()).startsWith(2, 3, 2);
        draft.hear(1, 4);
        assertThat(draft.propose(1, Sampling.GREEDY, null).tokens()[0]).isEqualTo(2);
    }

    @Test
    void contextsBelowTheThresholdAreNotUsed() {
        // 1 2 -> 3 once; 2 -> 4 twice, 3 once
        NgramTable table = NgramTable.of(6, 3, List.of(new int[] {1, 2, 3}, new int[] {5, 2, 4}, new int[] {0, 2, 4}));
        assertThat(first(new NgramDraft(table), 1, 2)).isEqualTo(3);
        assertThat(first(new NgramDraft(table, 3, 2, NgramDraft.Choice.DRAWN), 1, 2))
                .isEqualTo(4);
        assertThat(first(new NgramDraft(table, 2, 1, NgramDraft.Choice.DRAWN), 1, 2))
                .isEqualTo(4);
    }

    private static int first(NgramDraft draft, int... text) {
        draft.begin(text);
        return draft.propose(1, Sampling.GREEDY, null).tokens()[0];
    }

    @Test
    void likeliestIsAPointMassUnderSampling() {
        NgramTable table = NgramTable.of(4, 2, List.of(new int[] {1, 2, 1, 2, 1, 3}));
        NgramDraft draft = new NgramDraft(table, 2, 1, NgramDraft.Choice.LIKELIEST);
        draft.begin(new int[] {1});
        var proposal = draft.propose(1, PLAIN, null);
        assertThat(proposal.tokens()[0]).isEqualTo(2);
        assertThat(LawTest.all(proposal.laws()[0])).containsExactly(0, 0, 1, 0);
    }

    @Test
    void drawnFollowsTheTargetsSettings() {
        NgramDraft draft = new NgramDraft(NgramTable.of(4, 2, List.of(new int[] {1, 2, 1, 2, 1, 3})));
        draft.begin(new int[] {1});
        var proposal = draft.propose(1, Sampling.temperature(0.5), Chance.of(Seeds.generator(1)));
        assertThat(LawTest.all(proposal.laws()[0])).containsExactly(new double[] {0, 0, 0.8, 0.2}, within(1e-12));
    }

    @Test
    void aTableOfNothingProposesNothing() {
        NgramDraft draft = new NgramDraft(NgramTable.of(3, 4, List.of()));
        draft.begin(new int[] {1});
        assertThat(draft.propose(2, Sampling.GREEDY, null).count()).isZero();
        assertThat(draft.propose(2, PLAIN, null).count()).isZero();
    }
}
