package dev.outrider.recipes.report;

import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * A figure of two drafts on the same prompts, a ratio of sums each, and how much they differ: NaN where nothing was
 * counted.
 *
 * @param low lower end of the difference's 95 % interval, by a percentile bootstrap over prompts
 */
public record Difference(double blind, double seeing, double low, double high) {
    static final int RESAMPLES = 2000;

    /** One prompt: what stands over and under the stroke, of both drafts. */
    record Counts(long blindOver, long blindUnder, long seeingOver, long seeingUnder) {}

    /** What is gained by seeing. */
    public double gain() {
        return seeing - blind;
    }

    static Difference of(List<Counts> prompts, long seed) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        double[] gains = new double[prompts.isEmpty() ? 0 : RESAMPLES];
        for (int i = 0; i < gains.length; i++) {
            Counts sum = sum(random.ints(prompts.size(), 0, prompts.size())
                    .mapToObj(prompts::get)
                    .toList());
            gains[i] = ratio(sum.seeingOver, sum.seeingUnder) - ratio(sum.blindOver, sum.blindUnder);
        }
        // A resample of prompts without a pass says nothing.
        double[] sorted = Arrays.stream(gains).filter(Double::isFinite).sorted().toArray();
        Counts all = sum(prompts);
        return new Difference(
                ratio(all.blindOver, all.blindUnder),
                ratio(all.seeingOver, all.seeingUnder),
                quantile(sorted, 0.025),
                quantile(sorted, 0.975));
    }

    private static Counts sum(List<Counts> drawn) {
        long blindOver = 0, blindUnder = 0, seeingOver = 0, seeingUnder = 0;
        for (Counts c : drawn) {
            blindOver += c.blindOver;
            blindUnder += c.blindUnder;
            seeingOver += c.seeingOver;
            seeingUnder += c.seeingUnder;
        }
        return new Counts(blindOver, blindUnder, seeingOver, seeingUnder);
    }

    private static double ratio(long over, long under) {
        return (double) over / under;
    }

    /** Linear between the two nearest of the sorted values. */
    static double quantile(double[] sorted, double share) {
        if (sorted.length == 0) return Double.NaN;
        double at = share * (sorted.length - 1);
        int below = (int) at, above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
