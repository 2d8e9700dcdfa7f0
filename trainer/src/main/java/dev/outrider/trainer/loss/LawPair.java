package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.BLOCK;
import static dev.outrider.trainer.loss.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Target law p and draft law q at one position, and what a divergence has learnt of them on the way from
 * its value to its gradient. One pair per thread, reused for every position.
 */
public final class LawPair {
    final LawRow p = new LawRow();

    /** The gradient is written over its probabilities. */
    final LawRow q = new LawRow();

    /** Length of the arrays, a whole number of vectors. */
    int size;

    /** The token that stands here in the text; -1 where there is none. */
    int label;

    /** Mass of p on tokens that the draft cannot say, and that the arrays therefore do not hold. */
    double outside;

    /** α = Σ min(p, q), the chance that a token drawn from q is accepted. */
    double acceptance;

    /** Whatever the divergence's gradient needs of its value's pass. */
    double mean;

    /** μ = Σ q r and 1 - μ = Σ q (1 - r), r = 1{p > q}: each is summed, so that both are precise near 0. */
    final Advantage own = new Advantage();

    /** μ and σ in force at this position, by the scope of the loss. */
    Advantage scope = own;

    /** The optimiser step, and the position's number in it: what a draw depends on. */
    long step, position;

    /** The tokens drawn here. */
    int[] drawn = {};

    private final float[] scratch = new float[LANES];

    /** Probabilities that had to be taken out for a while. */
    float[] aside = {};

    /** Takes the logits [vocabulary] of both at a temperature. */
    void read(long target, long draft, int vocabulary, float inverseTemperature) {
        p.read(target, vocabulary, inverseTemperature);
        q.read(draft, vocabulary, inverseTemperature);
        complete(0);
    }

    /** Both laws are there, but for this much of p. */
    void complete(double outside) {
        this.outside = outside;
        size = q.size;
        acceptance = overlap();
    }

    /** Mass of p on what the draft can say. */
    double kept() {
        return 1 - outside;
    }

    private double overlap() {
        double sum = 0;
        for (int block = 0; block < size; block += BLOCK) {
            FloatVector part = Lanes.zero();
            for (int i = block, end = Math.min(size, block + BLOCK); i < end; i += LANES) {
                part = part.add(Lanes.at(p.probabilities, i).min(Lanes.at(q.probabilities, i)));
            }
            sum += sum(part);
        }
        return sum;
    }

    /** Whether both have the same likeliest token. */
    boolean agrees() {
        return p.best == q.best;
    }

    double sum(FloatVector v) {
        return Lanes.sum(v, scratch);
    }
}
