package dev.outrider.decode.speculate;

import java.util.Comparator;
import java.util.stream.IntStream;

/** The processed law written down literally: full sorts, and a softmax for every filter that needs one. */
final class ReferenceLaw {
    private ReferenceLaw() {}

    static double[] of(double[] logits, Sampling sampling, int[] context) {
        double[] z = logits.clone();
        IntStream.of(context).distinct().forEach(id -> {
            double penalty = sampling.repetitionPenalty();
            z[id] = z[id] < 0 ? z[id] * penalty : z[id] / penalty;
        });
        for (int i = 0; i < z.length; i++) z[i] /= sampling.temperature();
        int k = sampling.topK() == 0 ? z.length : Math.min(sampling.topK(), z.length);
        double kth = z[descending(z)[k - 1]];
        for (int i = 0; i < z.length; i++) if (z[i] < kth) z[i] = Double.NEGATIVE_INFINITY;
        if (sampling.topP() < 1) topP(z, sampling.topP());
        double[] p = softmax(z);
        double bound = sampling.minP() * p[descending(p)[0]];
        for (int i = 0; i < z.length; i++) if (p[i] < bound) z[i] = Double.NEGATIVE_INFINITY;
        return softmax(z);
    }

    static double[] of(float[] logits, Sampling sampling, int[] context) {
        return of(IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).toArray(), sampling, context);
    }

    /** Removes from the least likely up while the cumulative sum is <= 1 - p; never the most likely. */
    private static void topP(double[] z, double topP) {
        double[] p = softmax(z);
        int[] order = descending(z);
        double cumulative = 0;
        for (int i = z.length - 1; i > 0; i--) {
            cumulative += p[order[i]];
            if (cumulative <= 1 - topP) z[order[i]] = Double.NEGATIVE_INFINITY;
        }
    }

    private static double[] softmax(double[] z) {
        double max = z[descending(z)[0]];
        double[] p = new double[z.length];
        double sum = 0;
        for (int i = 0; i < z.length; i++) sum += p[i] = Math.exp(z[i] - max);
        for (int i = 0; i < z.length; i++) p[i] /= sum;
        return p;
    }

    /** Ids from the largest value to the smallest, the lowest id first among equals. */
    private static int[] descending(double[] values) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }
}
