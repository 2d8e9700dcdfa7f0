package dev.outrider.trainer.loss;

import java.util.List;

/**
 * The block efficiency τ that a draft would have on given answers, from its acceptance α_t at each of
 * their positions: a round at position t drafts up to γ tokens of what remains but one, accepts k of them
 * with probability α_t ··· α_{t+k-1} (1 - α_{t+k}), and yields k + 1 tokens; the next round starts behind
 * them. τ = tokens / expected rounds. Exact: the probability that a round starts at t follows from those
 * of the rounds before. With agreements (0 or 1) in place of α this is greedy decoding.
 */
public final class BlockEfficiency {
    private BlockEfficiency() {}

    /**
     * @param alpha per token of one answer, in [0, 1], without the first one, which the pass over the prompt
     *     yields and no draft takes part in
     * @param gamma tokens drafted per round, at least 1
     * @return tokens per round; NaN for an empty answer
     */
    public static double tau(double[] alpha, int gamma) {
        return tau(List.of(alpha), gamma);
    }

    /** Over several answers: all tokens per all rounds. */
    public static double tau(List<double[]> answers, int gamma) {
        if (gamma < 1) throw new IllegalArgumentException("γ = " + gamma);
        double tokens = 0, rounds = 0;
        for (double[] alpha : answers) {
            tokens += alpha.length;
            rounds += rounds(alpha, gamma);
        }
        return tokens / rounds;
    }

    /** Expected rounds of one answer. */
    static double rounds(double[] alpha, int gamma) {
        double[] starts = new double[alpha.length + 1];
        double rounds = 0;
        starts[0] = 1;
        for (int t = 0; t < alpha.length; t++) {
            rounds += starts[t];
            round(alpha, t, Math.min(gamma, alpha.length - t - 1), starts);
        }
        return rounds;
    }

    private static void round(double[] alpha, int t, int drafted, double[] starts) {
        double accepted = starts[t];
        for (int k = 0; k < drafted; k++) {
            starts[t + k + 1] += accepted * (1 - alpha[t + k]);
            accepted *= alpha[t + k];
        }
        starts[t + drafted + 1] += accepted;
    }
}
