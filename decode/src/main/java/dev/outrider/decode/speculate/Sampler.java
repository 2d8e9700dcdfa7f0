package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cpu.Exponentials;
import java.util.random.RandomGenerator;

/**
 * Chooses tokens from logits as {@link Greedy} and {@link Law} do, but for rounding, in a fraction of their
 * time: it draws without making the law, from those tokens alone that temperature and top-p can leave. For
 * one thread; holds memory for one row.
 */
final class Sampler {
    final float[] logits;
    private final double[] weights;
    private final Nucleus nucleus;
    private Law law;

    Sampler(int vocabulary) {
        logits = new float[vocabulary];
        weights = new double[vocabulary];
        nucleus = new Nucleus(vocabulary);
    }

    /**
     * A token from {@link #logits}, which a repetition penalty changes.
     *
     * @param history ids so far; null where there is no penalty
     * @throws Failure DATA for logits that are not finite
     */
    int choose(Sampling sampling, RandomGenerator random, History history) {
        if (sampling.greedy()) return Greedy.pick(logits, sampling, history);
        if (sampling.topK() > 0 || sampling.minP() > 0 || sampling.repetitionPenalty() != 1) {
            if (law == null) law = new Law(logits.length);
            return law.from(logits, sampling, history).draw(random);
        }
        double total = weigh(1 / sampling.temperature());
        return sampling.topP() < 1 ? nucleus(sampling.topP(), total, random) : draw(weights, total, random);
    }

    private double weigh(double factor) {
        float max = Exponentials.max(logits);
        if (!Float.isFinite(max)) throw Law.notFinite(max);
        return Exponentials.weigh(logits, weights, max, factor);
    }

    private int nucleus(double topP, double total, RandomGenerator random) {
        nucleus.of(weights, total, topP);
        return nucleus.ids[draw(nucleus.kept, nucleus.sum(), nucleus.count(), random)];
    }

    private static int draw(double[] weights, double total, RandomGenerator random) {
        return draw(weights, total, weights.length, random);
    }

    private static int draw(double[] weights, double total, int count, RandomGenerator random) {
        double left = random.nextDouble() * total;
        int last = -1;
        for (int i = 0; i < count; i++) {
            if (weights[i] == 0) continue;
            left -= weights[i];
            if (left < 0) return i;
            last = i;
        }
        return last;
    }

    /**
     * The k most likely ids of {@link #logits}, most likely first, and the logarithms of their probabilities at
     * temperature 1 without any filter; among equals the lowest ids. -1 and -infinity where V < k.
     */
    void top(int k, int[] into, float[] logProbabilities, int at) {
        double logSum = Math.log(weigh(1)) + Exponentials.max(logits);
        int count = 0;
        float least = Float.NEGATIVE_INFINITY;
        for (int i = Exponentials.above(logits, 0, least);
                i < logits.length;
                i = Exponentials.above(logits, i + 1, least)) {
            int place = at + Math.min(count, k - 1);
            for (; place > at && logits[into[place - 1]] < logits[i]; place--) into[place] = into[place - 1];
            into[place] = i;
            if (count < k) count++;
            if (count == k) least = logits[into[at + k - 1]];
        }
        for (int j = 0; j < k; j++) {
            if (j >= count) into[at + j] = -1;
            logProbabilities[at + j] = j < count ? (float) (logits[into[at + j]] - logSum) : Float.NEGATIVE_INFINITY;
        }
    }
}
