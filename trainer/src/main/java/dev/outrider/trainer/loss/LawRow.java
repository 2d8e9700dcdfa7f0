package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.BLOCK;
import static dev.outrider.trainer.loss.Lanes.LANES;
import static dev.outrider.trainer.loss.Lanes.NOTHING;

import dev.outrider.checkpoints.DraftVocabulary;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * One law over the vocabulary: softmax(logits / T) as log-probabilities and probabilities, in arrays that
 * are reused and padded to whole vectors with probability 0.
 *
 * <p>The likeliest token is kept out of the sum of exponentials: with tail = the others' sum relative to
 * it, its log-probability is -log1p(tail), precise however small the tail is. A logit that is NaN or +∞
 * makes the whole row NaN.
 */
final class LawRow {
    float[] logs = {};
    float[] probabilities = {};

    /** Length of the arrays that kernels go over: the vocabulary, padded. */
    int size;

    /** Tokens of the law, without the padding. */
    int vocabulary;

    /** The likeliest token; the first of several; -1 if it is none of the row's. */
    int best;

    private final float[] scratch = new float[LANES];

    /** Takes the logits [vocabulary] at the address, divided by the temperature. */
    void read(long address, int vocabulary, float inverseTemperature) {
        room(vocabulary);
        Lanes.read(address, logs, vocabulary);
        Arrays.fill(logs, vocabulary, size, NOTHING);
        float max = max();
        best = find(max);
        logs[best] = NOTHING;
        double tail = exponentials(max + (max - max), inverseTemperature);
        logs[best] = 0;
        probabilities[best] = 1;
        normalise((float) Math.log1p(tail), (float) (1 / (1 + tail)));
    }

    /**
     * Takes from a law over all tokens those that can be said, unchanged: their sum stays below 1.
     *
     * @param all loses the probabilities that are taken
     * @return the mass that is not
     */
    double take(LawRow all, DraftVocabulary outputs) {
        int n = outputs.size();
        room(n);
        for (int i = 0; i < n; i++) {
            int id = outputs.target(i);
            logs[i] = all.logs[id];
            probabilities[i] = all.probabilities[id];
            all.probabilities[id] = 0;
        }
        Arrays.fill(logs, n, size, NOTHING);
        Arrays.fill(probabilities, n, size, 0);
        best = outputs.draft(all.best);
        return all.sum();
    }

    /** Of the probabilities. */
    double sum() {
        double sum = 0;
        for (int block = 0; block < size; block += BLOCK) {
            FloatVector part = Lanes.zero();
            for (int i = block, end = Math.min(size, block + BLOCK); i < end; i += LANES) {
                part = part.add(Lanes.at(probabilities, i));
            }
            sum += Lanes.sum(part, scratch);
        }
        return sum;
    }

    /** Arrays for a vocabulary, their values undefined. */
    void room(int vocabulary) {
        this.vocabulary = vocabulary;
        size = Lanes.padded(vocabulary);
        if (logs.length >= size) return;
        logs = new float[size];
        probabilities = new float[size];
    }

    private float max() {
        FloatVector max = Lanes.at(logs, 0);
        for (int i = LANES; i < size; i += LANES) max = max.max(Lanes.at(logs, i));
        max.intoArray(scratch, 0);
        float most = scratch[0];
        for (int i = 1; i < LANES; i++) most = Math.max(most, scratch[i]);
        return most;
    }

    private int find(float value) {
        for (int i = 0; i < size; i += LANES) {
            var found = Lanes.at(logs, i).compare(VectorOperators.EQ, value);
            if (found.anyTrue()) return i + found.firstTrue();
        }
        return 0;
    }

    // logs becomes (x - max) / T, probabilities its exponential; returns their sum. max - max above is
    // NaN, and so then is everything here, if max is not finite.
    private double exponentials(float max, float inverseTemperature) {
        double sum = 0;
        for (int block = 0; block < size; block += BLOCK) {
            FloatVector part = Lanes.zero();
            for (int i = block, end = Math.min(size, block + BLOCK); i < end; i += LANES) {
                FloatVector x =
                        Lanes.at(logs, i).sub(max).mul(inverseTemperature).max(NOTHING);
                FloatVector e = Lanes.exp(x);
                x.intoArray(logs, i);
                e.intoArray(probabilities, i);
                part = part.add(e);
            }
            sum += Lanes.sum(part, scratch);
        }
        return sum;
    }

    private void normalise(float logSum, float inverseSum) {
        for (int i = 0; i < size; i += LANES) {
            Lanes.at(logs, i).sub(logSum).intoArray(logs, i);
            Lanes.at(probabilities, i).mul(inverseSum).intoArray(probabilities, i);
        }
    }
}
