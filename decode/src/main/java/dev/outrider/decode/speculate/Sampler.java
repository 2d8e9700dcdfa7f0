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
    private final double[] kept;
    private final double[] selected;
    private final int[] ids;
    private Law law;

    Sampler(int vocabulary) {
        logits = new float[vocabulary];
        weights = new double[vocabulary];
        kept = new double[vocabulary];
        selected = new double[vocabulary];
        ids = new int[vocabulary];
    }

    /**
     * A token from {@link #logits}, which a repetition penalty changes.
     *
     * @param history ids so far; null where there is no penalty
     * @throws Failure DATA for logits that are not finite
     */
    int choose(Sampling sampling, RandomGenerator random, History history) {
        if (sampling.greedy()) return greedy(sampling, history);
        if (sampling.topK() > 0 || sampling.minP() > 0 || sampling.repetitionPenalty() != 1) {
            if (law == null) law = new Law(logits.length);
            return law.from(logits, sampling, history).draw(random);
        }
        double total = weigh(1 / sampling.temperature());
        return sampling.topP() < 1 ? nucleus(sampling.topP(), total, random) : draw(weights, total, random);
    }

    private int greedy(Sampling sampling, History history) {
        if (sampling.repetitionPenalty() != 1) return Greedy.pick(logits, sampling, history);
        float max = Exponentials.max(logits);
        if (!Float.isFinite(max)) throw Law.notFinite(max);
        return Exponentials.above(logits, 0, Math.nextDown(max));
    }

    private double weigh(double factor) {
        float max = Exponentials.max(logits);
        if (!Float.isFinite(max)) throw Law.notFinite(max);
        return Exponentials.weigh(logits, weights, max, factor);
    }

    // As Law.keepMass: tokens that are below their even share of what goes all together are sure to go.
    private int nucleus(double topP, double total, RandomGenerator random) {
        double bound = topP * total;
        int count = Exponentials.atLeast(weights, (1 - topP) * total / weights.length, ids, kept);
        System.arraycopy(kept, 0, selected, 0, count);
        double threshold = Selection.reaching(selected, count, bound);
        return ids[draw(kept, cut(count, threshold, bound), count, random)];
    }

    // Sets to 0 what is below the threshold, and of those equal to it what the bound does not need; the sum of the
    // rest.
    private double cut(int count, double threshold, double bound) {
        double mass = 0, sum = 0;
        for (int i = 0; i < count; i++) if (kept[i] > threshold) mass += kept[i];
        for (int i = 0; i < count; i++) {
            if (kept[i] < threshold || kept[i] == threshold && mass >= bound) kept[i] = 0;
            else if (kept[i] == threshold) mass += kept[i];
            sum += kept[i];
        }
        return sum;
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
