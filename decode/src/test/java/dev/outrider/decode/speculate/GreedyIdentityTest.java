package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Under greedy decoding every drafter and every γ gives the target's own text, token for token. */
class GreedyIdentityTest {
    private static final int VOCABULARY = 20;
    private static final Limits LIMITS = new Limits(40, Set.of());

    /** Greedy decoding decides nothing by chance, so it needs no law. */
    private static final Chance NONE = new Chance() {
        @Override
        public boolean happens(double probability) {
            throw new AssertionError("a random decision under greedy decoding");
        }

        @Override
        public int draw(Law law) {
            throw new AssertionError("a law under greedy decoding");
        }
    };

    @Test
    void everyDrafterAndGammaGivesTheTargetsText() {
        Seeds.run(3, random -> everyDrafterAndGamma(FakeModel.random(random.nextLong(), VOCABULARY, 1), 1));
    }

    @Test
    void tiesGoToTheLowestId() {
        Seeds.run(
                3,
                random ->
                        everyDrafterAndGamma(FakeModel.rounded(FakeModel.random(random.nextLong(), VOCABULARY, 1)), 1));
    }

    @Test
    void theRepetitionPenaltyCountsAcceptedTokens() {
        Seeds.run(3, random -> everyDrafterAndGamma(FakeModel.random(random.nextLong(), VOCABULARY, 1), 1.7));
    }

    private static void everyDrafterAndGamma(FakeModel.Logits logits, double penalty) {
        Sampling greedy = new Sampling(0, 0, 1, 0, penalty);
        var random = Seeds.generator(1);
        int[] prompt = Drafters.prompt(random, 5, VOCABULARY);
        int[] expected = chain(logits, prompt, penalty);
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 64, logits));
        assertThat(decoder.autoregressive(prompt, greedy, LIMITS, 0, Listener.NONE)
                        .tokens())
                .isEqualTo(expected);
        Drafters.all(logits, VOCABULARY, 64, random).forEach((name, drafter) -> {
            for (int gamma = 1; gamma <= Decoder.MAX_GAMMA; gamma++) {
                Chance[] streams = {NONE, name.equals("uniform") ? Chance.of(random) : NONE};
                var generation = decoder.generate(prompt, drafter, gamma, greedy, LIMITS, streams, Listener.NONE);
                assertThat(generation.tokens()).as("%s, γ = %d", name, gamma).isEqualTo(expected);
                addsUp(generation, gamma);
            }
        });
    }

    /** The argmax after argmax, written down without a cache. */
    private static int[] chain(FakeModel.Logits logits, int[] prompt, double penalty) {
        int[] text = prompt;
        while (text.length < prompt.length + LIMITS.maxTokens()) {
            float[] next = logits.after(text, text.length);
            IntStream.of(text).distinct().forEach(id -> next[id] *= (float) (next[id] < 0 ? penalty : 1 / penalty));
            int best = IntStream.range(0, VOCABULARY)
                    .reduce((a, b) -> next[b] > next[a] ? b : a)
                    .getAsInt();
            text = IntStream.concat(IntStream.of(text), IntStream.of(best)).toArray();
        }
        return IntStream.of(text).skip(prompt.length).toArray();
    }

    /** Passes, tokens and their origin tell one story. */
    private static void addsUp(Generation generation, int gamma) {
        int tokens = 1;
        int guessed = 0;
        for (var pass : generation.passes()) {
            assertThat(pass.drafted()).isBetween(0, gamma);
            assertThat(pass.accepted()).isBetween(0, pass.drafted());
            tokens += pass.accepted() + (pass.cut() ? 0 : 1);
            guessed += pass.accepted();
        }
        assertThat(generation.tokens()).hasSize(tokens);
        int flagged = 0;
        for (boolean drafted : generation.drafted()) flagged += drafted ? 1 : 0;
        assertThat(flagged).isEqualTo(guessed);
        assertThat(generation.times().rest()).isNotNegative();
    }

    /** Were a draft's cache one token out of step, its logits would differ and a guess would fail. */
    @Test
    void aDraftEqualToTheTargetIsAlwaysRight() {
        FakeModel.Logits logits = FakeModel.random(9, VOCABULARY, 1);
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 64, logits));
        for (int gamma = 1; gamma <= Decoder.MAX_GAMMA; gamma++) {
            var draft = Drafters.neural(VOCABULARY, 64, logits);
            var generation = decoder.speculative(
                    new int[] {1, 2}, draft, gamma, new Sampling(0, 0, 1, 0, 1.3), LIMITS, 0, Listener.NONE);
            assertThat(generation.passes()).allMatch(pass -> pass.accepted() == pass.drafted());
            assertThat(generation.passes()).hasSize((LIMITS.maxTokens() - 1 + gamma) / (gamma + 1));
        }
    }
}
