package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** χ² of texts drawn with real random streams against the target's law of whole texts. */
class SampledLosslessnessTest {
    private static final int VOCABULARY = 4;
    private static final int LENGTH = 3;
    private static final int TEXTS = 64;
    private static final int SAMPLES = 10_000;

    @ParameterizedTest
    @CsvSource({
        "0.3, 0, 1.0, 1, 1.0", "0.3, 0, 0.95, 5, 1.0", "0.7, 0, 1.0, 2, 1.0", "0.7, 3, 0.9, 3, 1.0",
        "1.0, 0, 1.0, 2, 1.0", "1.0, 0, 0.8, 1, 1.0", "1.0, 2, 1.0, 4, 1.0", "1.5, 3, 0.95, 2, 1.3"
    })
    void textsFollowTheTargetsLaw(double temperature, int topK, double topP, int gamma, double penalty) {
        Sampling sampling = new Sampling(temperature, topK, topP, 0, penalty);
        Seeds.run(1, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1);
            int[] prompt = Drafters.prompt(random, 2, VOCABULARY);
            double[] law = law(logits, prompt, sampling);
            Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 16, logits));
            Drafters.all(logits, VOCABULARY, 16, random)
                    .values()
                    .forEach(drafter -> ChiSquare.assertFollows(draw(decoder, prompt, drafter, gamma, sampling), law));
        });
    }

    private static long[] draw(Decoder decoder, int[] prompt, Drafter drafter, int gamma, Sampling sampling) {
        Limits limits = new Limits(LENGTH, Set.of());
        long[] drawn = new long[TEXTS];
        for (int seed = 0; seed < SAMPLES; seed++) {
            var generation = decoder.speculative(prompt, drafter, gamma, sampling, limits, seed, Listener.NONE);
            int text = 0;
            for (int token : generation.tokens()) text = text * VOCABULARY + token;
            drawn[text]++;
        }
        return drawn;
    }

    /** The probability of every text, numbered by its tokens as digits. */
    private static double[] law(FakeModel.Logits logits, int[] prompt, Sampling sampling) {
        double[] law = new double[TEXTS];
        for (int text = 0; text < TEXTS; text++) {
            int[] tokens = {prompt[0], prompt[1], text / 16, text / 4 % 4, text % 4};
            law[text] = 1;
            for (int t = 2; t < tokens.length; t++) {
                int[] before = java.util.Arrays.copyOf(tokens, t);
                law[text] *= ReferenceLaw.of(logits.after(before, t), sampling, before)[tokens[t]];
            }
        }
        return law;
    }

    @Test
    void theSameSeedGivesTheSameText() {
        FakeModel.Logits logits = FakeModel.random(3, 50, 1);
        Decoder decoder = new Decoder(new FakeModel(50, 64, logits));
        NeuralDraft draft = Drafters.neural(50, 64, FakeModel.noisy(logits, 4, 1));
        Limits limits = new Limits(40, Set.of());
        int[] prompt = {1, 2, 3};
        Sampling sampling = Sampling.temperature(1);
        int[] first = decoder.speculative(prompt, draft, 4, sampling, limits, 11, Listener.NONE)
                .tokens();
        int[] other = decoder.speculative(prompt, draft, 4, sampling, limits, 12, Listener.NONE)
                .tokens();
        int[] again = decoder.speculative(prompt, draft, 4, sampling, limits, 11, Listener.NONE)
                .tokens();
        assertThat(again).isEqualTo(first).isNotEqualTo(other);
    }

    /** The draft's decisions come from a stream of their own. */
    @Test
    void aSilentDrafterLeavesTheTargetsTextAlone() {
        FakeModel.Logits logits = FakeModel.random(5, 50, 1);
        Decoder decoder = new Decoder(new FakeModel(50, 64, logits));
        RuleDraft silent = new RuleDraft(50, null) {
            @Override
            public Proposal propose(int count, Sampling sampling, Chance chance) {
                chance.happens(0.5);
                return Proposal.NONE;
            }
        };
        Limits limits = new Limits(40, Set.of());
        Sampling sampling = Sampling.temperature(1);
        assertThat(decoder.speculative(new int[] {1}, silent, 4, sampling, limits, 11, Listener.NONE)
                        .tokens())
                .isEqualTo(decoder.autoregressive(new int[] {1}, sampling, limits, 11, Listener.NONE)
                        .tokens());
    }
}
