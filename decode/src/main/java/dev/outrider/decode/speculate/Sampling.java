package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;

/**
 * How a token is chosen from logits, applied in the order of Hugging Face transformers: repetition
 * penalty, temperature, top-k, top-p, min-p.
 *
 * @param temperature 0 is greedy: the largest logit, the lowest id among equals
 * @param topK 0 keeps all
 * @param topP 1 keeps all
 * @param minP 0 keeps all
 * @param repetitionPenalty 1 changes nothing
 */
public record Sampling(double temperature, int topK, double topP, double minP, double repetitionPenalty) {
    public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1);

    public Sampling {
        check(temperature >= 0, "temperature " + temperature, "0 or more");
        check(topK >= 0, "top_k " + topK, "0 (off) or more");
        check(topP > 0 && topP <= 1, "top_p " + topP, "a number in (0, 1]");
        check(minP >= 0 && minP <= 1, "min_p " + minP, "a number in [0, 1]");
        check(repetitionPenalty > 0, "repetition_penalty " + repetitionPenalty, "more than 0");
    }

    private static void check(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("sampling", found, expected, "Correct the setting.");
    }

    public static Sampling temperature(double temperature) {
        return new Sampling(temperature, 0, 1, 0, 1);
    }

    public boolean greedy() {
        return temperature == 0;
    }
}
