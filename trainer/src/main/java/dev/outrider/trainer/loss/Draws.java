package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.LANES;

/**
 * The policy gradient from tokens drawn from q: -1/S Σ_s (r(x_s) - baseline) (1{x_s} - q). A draw is a pure
 * function of seed, step, position and its number.
 */
final class Draws {
    private Draws() {}

    /** Writes factor · gradient over q's probabilities. */
    static void gradient(LawPair x, int samples, long seed, double baseline, double factor) {
        if (x.drawn.length < samples) x.drawn = new int[samples];
        double total = total(x.q.probabilities, x.size), advantages = 0;
        for (int s = 0; s < samples; s++) {
            x.drawn[s] = draw(x.q.probabilities, x.size, total * uniform(seed, x.step, x.position, s));
            advantages += reward(x, x.drawn[s]) - baseline;
        }
        dense(x, (float) (factor * advantages / samples));
        for (int s = 0; s < samples; s++) {
            double advantage = reward(x, x.drawn[s]) - baseline;
            x.q.probabilities[x.drawn[s]] -= (float) (factor * advantage / samples);
        }
    }

    private static int reward(LawPair x, int token) {
        return x.p.logs[token] > x.q.logs[token] ? 1 : 0;
    }

    private static void dense(LawPair x, float scale) {
        for (int i = 0; i < x.size; i += LANES) {
            Lanes.at(x.q.probabilities, i).mul(scale).intoArray(x.q.probabilities, i);
        }
    }

    private static double total(float[] law, int size) {
        double sum = 0;
        for (int i = 0; i < size; i++) sum += law[i];
        return sum;
    }

    /** The first token up to which there is more than {@code mass}. */
    static int draw(float[] law, int size, double mass) {
        double sum = 0;
        int last = 0;
        for (int i = 0; i < size; i++) {
            sum += law[i];
            if (sum > mass) return i;
            if (law[i] > 0) last = i;
        }
        return last;
    }

    /** In [0, 1). */
    static double uniform(long seed, long step, long position, int draw) {
        long bits = scramble(scramble(scramble(scramble(seed) + step) + position) + draw);
        return (bits >>> 11) * 0x1p-53;
    }

    // The finaliser of SplitMix64.
    private static long scramble(long x) {
        x += 0x9e3779b97f4a7c15L;
        x = (x ^ (x >>> 30)) * 0xbf58476d1ce4e5b9L;
        x = (x ^ (x >>> 27)) * 0x94d049bb133111ebL;
        return x ^ (x >>> 31);
    }
}
