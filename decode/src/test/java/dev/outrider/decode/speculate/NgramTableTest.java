package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class NgramTableTest {
    private static final Sampling PLAIN = Sampling.temperature(1);

    @Test
    void lawsAreTheSharesOfFollowers() {
        Seeds.run(20, random -> {
            int vocabulary = random.nextInt(2, 30);
            List<int[]> texts = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                texts.add(random.ints(random.nextInt(20), 0, vocabulary).toArray());
            }
            texts.add(new int[] {0});
            NgramTable table = NgramTable.of(vocabulary, texts);
            for (int a = 0; a < vocabulary; a++) {
                table.begin(new int[] {a});
                double[] law =
                        LawTest.all(table.propose(1, PLAIN, Chance.of(random)).laws()[0]);
                assertThat(law).containsExactly(shares(texts, a, vocabulary), within(1e-12));
            }
        });
    }

    /** Counted naively; after a token that nothing follows, the shares of all tokens. */
    private static double[] shares(List<int[]> texts, int a, int vocabulary) {
        double[] followers = new double[vocabulary];
        double[] all = new double[vocabulary];
        double pairs = 0;
        double tokens = 0;
        for (int[] text : texts) {
            for (int i = 0; i < text.length; i++) {
                all[text[i]]++;
                tokens++;
                if (i == 0 || text[i - 1] != a) continue;
                followers[text[i]]++;
                pairs++;
            }
        }
        for (int b = 0; b < vocabulary; b++) {
            followers[b] /= pairs;
            all[b] /= tokens;
        }
        return pairs > 0 ? followers : all;
    }

    @Test
    void greedyFollowsTheMostFrequentAndBacksOff() {
        // 1 -> 2 twice, 3 once; 2 -> 3 and 4 once each: the lower id; nothing follows 4: 2 is the most frequent of all
        NgramTable table =
                NgramTable.of(6, List.of(new int[] {1, 2, 3}, new int[] {1, 2, 4}, new int[] {1, 3, 2}, new int[] {2}));
        table.begin(new int[] {5, 1});
        var proposal = table.propose(3, Sampling.GREEDY, null);
        assertThat(proposal.count()).isEqualTo(3);
        assertThat(proposal.tokens()).startsWith(2, 3, 2);
        table.hear(1, 4);
        assertThat(table.propose(1, Sampling.GREEDY, null).tokens()[0]).isEqualTo(2);
    }

    @Test
    void likeliestIsAPointMassUnderSampling() {
        NgramTable table =
                NgramTable.of(4, List.of(new int[] {1, 2, 1, 2, 1, 3})).with(NgramTable.Choice.LIKELIEST);
        table.begin(new int[] {1});
        var proposal = table.propose(1, PLAIN, null);
        assertThat(proposal.tokens()[0]).isEqualTo(2);
        assertThat(LawTest.all(proposal.laws()[0])).containsExactly(0, 0, 1, 0);
    }

    @Test
    void drawnFollowsTheTargetsSettings() {
        NgramTable table = NgramTable.of(4, List.of(new int[] {1, 2, 1, 2, 1, 3}));
        table.begin(new int[] {1});
        var proposal = table.propose(1, Sampling.temperature(0.5), Chance.of(Seeds.generator(1)));
        assertThat(LawTest.all(proposal.laws()[0])).containsExactly(new double[] {0, 0, 0.8, 0.2}, within(1e-12));
    }

    @Test
    void aTableOfNothingStillProposes() {
        NgramTable table = NgramTable.of(3, List.of());
        table.begin(new int[] {1});
        assertThat(table.propose(1, Sampling.GREEDY, null).tokens()[0]).isZero();
        var proposal = table.propose(1, PLAIN, null);
        assertThat(proposal.laws()[0].probability(proposal.tokens()[0])).isEqualTo(1);
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        assertThatThrownBy(() -> NgramTable.of(3, List.of(new int[] {1, 3})))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("token 3");
    }
}
