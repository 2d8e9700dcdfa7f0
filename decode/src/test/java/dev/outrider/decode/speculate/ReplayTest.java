package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ReplayTest {
    private static final int VOCABULARY = 12;

    /** Whether a text ends by EOS or by length, every pass is the decoder's. */
    @Test
    void passesAreTheDecoders() {
        Seeds.run(6, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1);
            Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 128, logits));
            Limits limits = new Limits(random.nextInt(1, 40), Set.of(0));
            int gamma = random.nextInt(1, 9);
            Replay replay = new Replay(gamma, limits.eosIds(), limits.maxTokens());
            for (int text = 0; text < 5; text++) {
                int[] prompt = Drafters.prompt(random, 4, VOCABULARY);
                int[] answer = decoder.autoregressive(prompt, Sampling.GREEDY, limits, 0, Listener.NONE)
                        .tokens();
                Drafters.all(logits, VOCABULARY, 128, random).forEach((name, drafter) -> {
                    var expected =
                            decoder.speculative(prompt, drafter, gamma, Sampling.GREEDY, limits, 0, Listener.NONE);
                    var found = replay.generation(drafter, new Recorded(prompt, answer));
                    assertThat(found.passes()).as(name).isEqualTo(expected.passes());
                    assertThat(found.tokens()).isEqualTo(expected.tokens());
                    assertThat(found.drafted()).isEqualTo(expected.drafted());
                    assertThat(found.finish()).isEqualTo(expected.finish());
                });
            }
        });
    }

    @Test
    void aTallyIsOverAllAnswers() {
        var answers = List.of(
                new Recorded(new int[] {1}, new int[] {2, 3, 4, 5}), new Recorded(new int[] {1}, new int[] {2, 3, 9}));
        RuleDraft script = RuleDraft.script(10, 2, 3, 4, 5);
        Tally tally = new Replay(2, Set.of(), 10).tally(script, answers);
        // 3 4 accepted, then 5; 3 accepted (one less than wanted is drafted), then 9
        assertThat(tally.passes()).isEqualTo(2);
        assertThat(tally.blockEfficiency()).isEqualTo(2.5);
        assertThat(tally.accepted()).isEqualTo(3);
    }

    @Test
    void emptyAnswersAreRefused() {
        assertThatThrownBy(() -> new Recorded(new int[] {1}, new int[0])).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new Recorded(new int[0], new int[] {1})).isInstanceOf(Failure.class);
    }
}
