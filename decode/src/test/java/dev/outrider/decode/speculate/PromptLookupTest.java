package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
    private static final int VOCABULARY = 6;

    @Test
    void proposesWhatFollowedTheLastOccurrence() {
        PromptLookup lookup = new PromptLookup(VOCABULARY, 2, 2);
        lookup.begin(new int[] {1, 2, 3, 4, 1, 2, 5, 0, 1});
        lookup.hear(0, 2);
        var proposal = lookup.propose(3, Sampling.GREEDY, null);
        assertThat(Arrays.copyOf(proposal.tokens(), proposal.count())).containsExactly(5, 0, 1);
    }

    @Test
    void aLongerMatchGoesBeforeALaterOne() {
        PromptLookup lookup = new PromptLookup(VOCABULARY, 3, 1);
        lookup.begin(new int[] {0, 1, 2, 3, 4, 2, 5, 0, 1});
        lookup.hear(0, 2);
        assertThat(lookup.propose(1, Sampling.GREEDY, null).tokens()[0]).isEqualTo(3);
    }

    @Test
    void aRepetitionIsContinuedBeyondItself() {
        PromptLookup lookup = new PromptLookup(VOCABULARY, 3, 1);
        lookup.begin(new int[] {1, 2, 1});
        lookup.hear(0, 2);
        var proposal = lookup.propose(5, Sampling.GREEDY, null);
        assertThat(Arrays.copyOf(proposal.tokens(), proposal.count())).containsExactly(1, 2, 1, 2, 1);
    }

    @Test
    void proposesNothingWhereNothingMatches() {
        PromptLookup lookup = new PromptLookup(VOCABULARY, 4, 2);
        lookup.begin(new int[] {1, 2, 3});
        lookup.hear(0, 2);
        assertThat(lookup.propose(4, Sampling.GREEDY, null).count()).isZero();
    }

    @Test
    void guessesArePointMasses() {
        PromptLookup lookup = new PromptLookup(VOCABULARY);
        lookup.begin(new int[] {1, 2, 1});
        lookup.hear(0, 3);
        lookup.propose(2, Sampling.temperature(1), null);
        lookup.hear(0, 1);
        var proposal = lookup.propose(1, Sampling.temperature(1), null);
        assertThat(proposal.laws()[0].probability(3)).isEqualTo(1);
    }

    /** Against a search through the whole text, with tokens heard that were or were not proposed. */
    @Test
    void findsWhatASearchFinds() {
        Seeds.run(50, random -> {
            int shortest = random.nextInt(1, 4);
            int longest = shortest + random.nextInt(4);
            PromptLookup lookup = new PromptLookup(VOCABULARY, longest, shortest);
            for (int text = 0; text < 3; text++) follow(lookup, longest, shortest, random);
        });
    }

    private static void follow(PromptLookup lookup, int longest, int shortest, RandomGenerator random) {
        int[] text = Drafters.prompt(random, random.nextInt(1, 80), 1 + random.nextInt(VOCABULARY));
        lookup.begin(text);
        int kept = 0;
        int[] proposed = {};
        for (int round = 0; round < 40; round++) {
            int next = random.nextInt(VOCABULARY);
            lookup.hear(kept, next);
            for (int i = 0; i < kept; i++) text = RuleDraft.append(text, proposed[i]);
            text = RuleDraft.append(text, next);
            int count = random.nextInt(5);
            var proposal = lookup.propose(count, Sampling.GREEDY, null);
            proposed = Arrays.copyOf(proposal.tokens(), proposal.count());
            if (count > 0) assertFound(proposed, text, longest, shortest);
            kept = random.nextInt(proposed.length + 1);
        }
    }

    private static void assertFound(int[] proposed, int[] text, int longest, int shortest) {
        int at = 0;
        for (int length = 1; length <= text.length; length++) {
            // A match that goes on is followed.
            at = at > 0 && text[at] == text[length - 1]
                    ? at + 1
                    : search(Arrays.copyOf(text, length), longest, shortest);
        }
        assertThat(proposed.length > 0).isEqualTo(at > 0);
        for (int token : proposed) {
            assertThat(token).isEqualTo(text[at++]);
            text = RuleDraft.append(text, token);
        }
    }

    private static int search(int[] text, int longest, int shortest) {
        for (int n = longest; n >= shortest; n--) {
            for (int end = text.length - 1; end >= n; end--) {
                if (Arrays.equals(text, end - n, end, text, text.length - n, text.length)) return end;
            }
        }
        return 0;
    }

    @Test
    void aTokenTakesTheSameTimeHoweverLongTheText() {
        // One search through such a text takes 50,000 steps for each of the tokens: minutes.
        int[] text = Seeds.generator(2).ints(1_000_000, 0, 30_000).toArray();
        PromptLookup lookup = new PromptLookup(30_000);
        lookup.begin(text);
        int found = 0;
        for (int i = 0; i < 100_000; i++) {
            lookup.hear(0, text[i]);
            found += lookup.propose(2, Sampling.GREEDY, null).tokens()[0] == text[i + 1] ? 1 : 0;
        }
        assertThat(found).isGreaterThan(99_000);
    }

    @Test
    void lengthsThatDoNotFitAreRefused() {
        assertThatThrownBy(() -> new PromptLookup(9, 1, 2)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new PromptLookup(9, 2, 0)).isInstanceOf(Failure.class);
    }
}
