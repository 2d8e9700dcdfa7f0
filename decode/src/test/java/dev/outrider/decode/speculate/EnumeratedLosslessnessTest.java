package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The law of the decoder's output, exactly: the decoder itself runs once for every way in which all its
 * random decisions, the draft's and the verifier's, can come out. Compared with the product of the target's
 * processed laws, computed by other code.
 */
class EnumeratedLosslessnessTest {
    private static final int VOCABULARY = 3;
    private static final int EOS = 2;
    private static final int[] PROMPT = {0, 0};
    private static final int LENGTH = 5;

    private static final List<Sampling> SAMPLINGS = List.of(
            Sampling.temperature(1),
            Sampling.temperature(0.6),
            new Sampling(1.4, 2, 1, 0, 1),
            new Sampling(1, 0, 0.8, 0, 1),
            new Sampling(0.8, 0, 1, 0.3, 1),
            new Sampling(1.1, 0, 0.95, 0.05, 1.5));

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void speculativeDecodingHasTheTargetsLaw(int gamma) {
        Seeds.run(2, random -> {
            FakeModel.Logits logits = FakeModel.random(random.nextLong(), VOCABULARY, 1.5);
            Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 16, logits));
            for (Sampling sampling : SAMPLINGS) {
                Map<List<Integer>, Double> expected = targetsLaw(logits, sampling);
                Drafters.all(logits, VOCABULARY, 16, random)
                        .forEach((name, drafter) ->
                                assertEqual(name + ", " + sampling, law(decoder, drafter, gamma, sampling), expected));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.5, 1})
    void autoregressiveDecodingHasTheTargetsLaw(double temperature) {
        FakeModel.Logits logits = FakeModel.random(7, VOCABULARY, 1.5);
        Sampling sampling = new Sampling(temperature, 0, 0.9, 0, 1.2);
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 16, logits));
        assertEqual("alone", law(decoder, null, 0, sampling), targetsLaw(logits, sampling));
    }

    /** What {@link Combined} must not do: draw a token, then decide by its own probability whether to propose it. */
    @Test
    void aDrafterThatKeepsOnlyWhatItLikesIsFound() {
        FakeModel.Logits logits = FakeModel.random(11, VOCABULARY, 1.5);
        FakeModel.Logits other = FakeModel.random(12, VOCABULARY, 1);
        RuleDraft choosy =
                new RuleDraft(
                        VOCABULARY,
                        (context, law, chance) ->
                                chance.draw(law.from(other.after(context, context.length), Sampling.temperature(1)))) {
                    @Override
                    public Proposal propose(int count, Sampling sampling, Chance chance) {
                        Proposal proposal = super.propose(1, sampling, chance);
                        double confidence = proposal.laws()[0].probability(proposal.tokens()[0]);
                        return confidence < 0.4 ? Proposal.NONE : proposal;
                    }
                };
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 16, logits));
        var law = law(decoder, choosy, 2, Sampling.temperature(1));
        var expected = targetsLaw(logits, Sampling.temperature(1));
        assertThat(law.entrySet()).anyMatch(e -> Math.abs(e.getValue() - expected.get(e.getKey())) > 1e-3);
    }

    private static Map<List<Integer>, Double> law(Decoder decoder, Drafter drafter, int gamma, Sampling sampling) {
        Limits limits = new Limits(LENGTH, Set.of(EOS));
        return AllOutcomes.law(chance -> {
            Chance[] streams = {chance, chance};
            Generation generation = decoder.generate(PROMPT, drafter, gamma, sampling, limits, streams, Listener.NONE);
            return IntStream.of(generation.tokens()).boxed().toList();
        });
    }

    /** Probability of every text of LENGTH tokens, or that ends earlier with EOS. */
    private static Map<List<Integer>, Double> targetsLaw(FakeModel.Logits logits, Sampling sampling) {
        Map<List<Integer>, Double> law = new HashMap<>();
        extend(law, PROMPT, 1, logits, sampling);
        return law;
    }

    private static void extend(
            Map<List<Integer>, Double> law,
            int[] text,
            double probability,
            FakeModel.Logits logits,
            Sampling sampling) {
        int generated = text.length - PROMPT.length;
        if (generated == LENGTH || generated > 0 && text[text.length - 1] == EOS) {
            law.put(IntStream.of(text).skip(PROMPT.length).boxed().toList(), probability);
            return;
        }
        double[] next = ReferenceLaw.of(logits.after(text, text.length), sampling, text);
        for (int id = 0; id < VOCABULARY; id++) {
            if (next[id] == 0) continue;
            int[] longer = Arrays.copyOf(text, text.length + 1);
            longer[text.length] = id;
            extend(law, longer, probability * next[id], logits, sampling);
        }
    }

    private static void assertEqual(String name, Map<List<Integer>, Double> law, Map<List<Integer>, Double> expected) {
        assertThat(law.values().stream().mapToDouble(x -> x).sum()).as(name).isEqualTo(1, within(1e-12));
        // Rounding of p - q may leave a residual of 1e-17 where there is none.
        law.values().removeIf(probability -> probability < 1e-15);
        assertThat(law.keySet()).as(name).isEqualTo(expected.keySet());
        expected.forEach((text, probability) ->
                assertThat(law.get(text)).as("%s, text %s", name, text).isEqualTo(probability, within(1e-12)));
    }
}
