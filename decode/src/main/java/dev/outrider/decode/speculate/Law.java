package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cpu.Exponentials;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * A probability law over the vocabulary, in double; made once and refilled without allocation.
 *
 * <p>From logits it is what Hugging Face transformers would sample from: repetition penalty, temperature,
 * top-k, top-p, min-p, in this order, each counting on what the one before has left. The filters work on
 * weights exp(z - max z), so that there is one exponential a token and one division at the end.
 *
 * <p>Where it is a draft's that can say only some tokens, probabilities are kept for these alone and every
 * other id has 0; ids are the target's all the same.
 */
public final class Law {
    private final double[] probabilities;
    private final DraftVocabulary outputs;
    private double[] scratch = {};
    private Nucleus nucleus;

    /** All probabilities are 0 until the law is filled. */
    public Law(int vocabulary) {
        probabilities = new double[vocabulary];
        outputs = null;
    }

    /** The law of a draft that can say these tokens, filled from logits [V'] of theirs. */
    public Law(DraftVocabulary outputs) {
        probabilities = new double[outputs.size()];
        this.outputs = outputs;
    }

    /** V, of ids; not of logits. */
    public int vocabulary() {
        return outputs == null ? probabilities.length : outputs.vocabulary();
    }

    public double probability(int id) {
        if (outputs == null) return probabilities[id];
        int draft = outputs.draft(id);
        return draft < 0 ? 0 : probabilities[draft];
    }

    // Of an entry of probabilities.
    private int id(int entry) {
        return outputs == null ? entry : outputs.target(entry);
    }

    /** The whole certainty on one id. */
    public Law point(int id) {
        Arrays.fill(probabilities, 0);
        probabilities[outputs == null ? id : outputs.draft(id)] = 1;
        return this;
    }

    /**
     * The law of sampling from these logits, the repetition penalty left out.
     *
     * @param logits [V], or [V'] of a draft's own tokens; nats; -infinity is never drawn
     */
    public Law from(float[] logits, Sampling sampling) {
        return from(logits, sampling, null);
    }

    /** As {@link #from(float[], Sampling)}; history holds the logits' indices so far; null leaves the penalty out. */
    Law from(float[] logits, Sampling sampling, History history) {
        for (int i = 0; i < probabilities.length; i++) probabilities[i] = logits[i];
        return process(sampling, history);
    }

    Law from(double[] logits, Sampling sampling, History history) {
        System.arraycopy(logits, 0, probabilities, 0, probabilities.length);
        return process(sampling, history);
    }

    /**
     * norm(max(0, p - q)) over the whole vocabulary: what is left to draw from when a token of q was rejected;
     * p if nothing is left.
     *
     * @param p of all tokens, as this law
     */
    public Law residual(Law p, Law q) {
        System.arraycopy(p.probabilities, 0, probabilities, 0, probabilities.length);
        for (int i = 0; i < q.probabilities.length; i++) {
            int id = q.id(i);
            probabilities[id] = Math.max(0, probabilities[id] - q.probabilities[i]);
        }
        double sum = sum();
        if (sum > 0) divide(sum);
        else System.arraycopy(p.probabilities, 0, probabilities, 0, probabilities.length);
        return this;
    }

    /** An id drawn from this law, by inversion in the order of its entries; never one of probability 0. */
    public int draw(RandomGenerator random) {
        double left = random.nextDouble();
        int last = -1;
        for (int i = 0; i < probabilities.length; i++) {
            if (probabilities[i] == 0) continue;
            left -= probabilities[i];
            if (left < 0) return id(i);
            last = id(i);
        }
        return last;
    }

    private Law process(Sampling sampling, History history) {
        if (sampling.greedy()) throw new IllegalArgumentException("greedy decoding has no law; take the argmax");
        if (history != null && sampling.repetitionPenalty() != 1)
            history.penalise(probabilities, sampling.repetitionPenalty());
        if (sampling.temperature() != 1) divide(sampling.temperature());
        if (sampling.topK() > 0 && sampling.topK() < probabilities.length) keepLargest(sampling.topK());
        exponentiate();
        if (sampling.topP() < 1) keepMass(sampling.topP());
        if (sampling.minP() > 0) keepFrom(sampling.minP());
        divide(sum());
        return this;
    }

    /** Leaves the k largest logits, and all that are equal to the k-th. */
    private void keepLargest(int k) {
        System.arraycopy(probabilities, 0, scratch(), 0, probabilities.length);
        double kth = Selection.kthLargest(scratch, probabilities.length, k);
        for (int i = 0; i < probabilities.length; i++) {
            if (probabilities[i] < kth) probabilities[i] = Double.NEGATIVE_INFINITY;
        }
    }

    /** Logits become weights, the largest 1. */
    private void exponentiate() {
        double max = Double.NEGATIVE_INFINITY;
        for (double logit : probabilities) max = Math.max(max, logit);
        if (!Double.isFinite(max)) throw notFinite(max);
        for (int i = 0; i < probabilities.length; i++) {
            double below = probabilities[i] - max;
            probabilities[i] = below < -745.2 ? 0 : Math.exp(below); // e^-745.2 rounds to 0
        }
    }

    private void keepMass(double topP) {
        if (nucleus == null) nucleus = new Nucleus(probabilities.length);
        nucleus.of(probabilities, sum(), topP).replace(probabilities);
    }

    /** Removes weights below minP times the largest, which is 1. */
    private void keepFrom(double minP) {
        for (int i = 0; i < probabilities.length; i++) if (probabilities[i] < minP) probabilities[i] = 0;
    }

    private double sum() {
        return Exponentials.sum(probabilities, probabilities.length);
    }

    private void divide(double divisor) {
        for (int i = 0; i < probabilities.length; i++) probabilities[i] /= divisor;
    }

    private double[] scratch() {
        if (scratch.length == 0) scratch = new double[probabilities.length];
        return scratch;
    }

    static Failure notFinite(double found) {
        return Failure.data(
                "logits of the next token",
                "a largest value of " + found,
                "finite numbers",
                "The checkpoint's weights are damaged or training diverged; take an earlier checkpoint.");
    }
}
