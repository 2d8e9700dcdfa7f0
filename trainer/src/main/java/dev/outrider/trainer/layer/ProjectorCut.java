package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A narrower projector out of a wider one, by weight subcloning (Samragh et al., 2312.09299): the most important neurons
 * of each matrix are kept, in their order, and where a matrix reads d' of d neurons its weights are multiplied by
 * sqrt(d / d'), so that what it gives keeps its size. Of equal width it is the wide one itself.
 *
 * <p>The paper ranks neurons by the mean size of what they give on some data; no pictures are needed here, since the weights
 * rank them: a neuron between two matrices counts the norm of the weights (and bias) that lead to it, times that of
 * the weights that lead on from it; a channel of the result, whose use the draft has still to learn, the first of the
 * two. Equal ones are kept from the first on.
 *
 * @param of the wide projector, the target's; must stay open as long as values are read
 * @param config the narrow one's
 */
public record ProjectorCut(Vision of, VisionConfig config) implements FirstAdapter {
    /** @throws Failure USAGE where the narrow one is no part of the wide one */
    public ProjectorCut {
        VisionConfig wide = of.config();
        boolean fits = config.towerWidth() == wide.towerWidth()
                && config.matrices() == wide.matrices()
                && config.width() <= wide.width()
                && (config.bias() || !wide.bias());
        if (!fits) throw refused(wide, config);
    }

    private static Failure refused(VisionConfig wide, VisionConfig narrow) {
        return Failure.usage(
                "adapter out of the target's projector",
                describe(narrow),
                "no more channels, and the rest as " + describe(wide),
                "Change the adapter's shape or the draft's width, or begin the adapter at random.");
    }

    private static String describe(VisionConfig c) {
        String bias = c.bias() ? "with" : "without";
        return c.matrices() + " matrices " + bias + " bias from " + c.towerWidth() + " to " + c.width() + " channels";
    }

    /** A value of the narrow projector: {@code linear_1.weight} and so on; F32. */
    Tensor tensor(String name) {
        int dot = name.indexOf('.'), i = Integer.parseInt(name.substring("linear_".length(), dot));
        int[] out = kept(i);
        if (name.endsWith(".bias")) return bias(name, out);
        int[] in = i == 1 ? IntStream.range(0, config.towerWidth()).toArray() : kept(i - 1);
        return weight(name, out, in);
    }

    private Tensor bias(String name, int[] out) {
        float[] values = new float[out.length];
        if (of.config().bias()) {
            Tensor wide = of.projector(name);
            for (int o = 0; o < out.length; o++) values[o] = (float) wide.value(out[o]);
        }
        return Tensor.of(name, values, out.length);
    }

    private Tensor weight(String name, int[] out, int[] in) {
        Tensor wide = of.projector(name);
        long width = wide.shape()[1];
        double scale = Math.sqrt((double) width / in.length);
        float[] values = new float[out.length * in.length];
        for (int v = 0; v < values.length; v++) {
            values[v] = (float) (scale * wide.value(out[v / in.length] * width + in[v % in.length]));
        }
        return Tensor.of(name, values, out.length, in.length);
    }

    /** What is kept of the neurons that matrix {@code i}, from 1, leads to; ascending. */
    private int[] kept(int i) {
        double[] importance = leading(i);
        if (i < config.matrices()) {
            double[] on = leadingOn(i + 1);
            for (int n = 0; n < importance.length; n++) importance[n] *= on[n];
        }
        return IntStream.range(0, importance.length)
                .boxed()
                .sorted(Comparator.comparingDouble(n -> -importance[n]))
                .limit(config.width())
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray();
    }

    /** By neuron, the norm of the weights and the bias of matrix {@code i} that lead to it. */
    private double[] leading(int i) {
        double[] weights = of.projector("linear_" + i + ".weight").doubles();
        double[] norms = of.config().bias()
                ? of.projector("linear_" + i + ".bias").doubles()
                : new double[of.config().width()];
        int in = weights.length / norms.length;
        for (int n = 0; n < norms.length; n++) {
            double squares = norms[n] * norms[n];
            for (int k = 0; k < in; k++) squares += weights[n * in + k] * weights[n * in + k];
            norms[n] = Math.sqrt(squares);
        }
        return norms;
    }

    /** By neuron, the norm of the weights of matrix {@code i} that lead on from it. */
    private double[] leadingOn(int i) {
        double[] weights = of.projector("linear_" + i + ".weight").doubles();
        double[] norms = new double[of.config().width()];
        for (int k = 0; k < weights.length; k++) norms[k % norms.length] += weights[k] * weights[k];
        for (int n = 0; n < norms.length; n++) norms[n] = Math.sqrt(norms[n]);
        return norms;
    }
}
