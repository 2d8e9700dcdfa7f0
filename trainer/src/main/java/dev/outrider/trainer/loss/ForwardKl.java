package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.BLOCK;
import static dev.outrider.trainer.loss.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * KL(p‖q) = Σ p (log p - log q), gradient q - p: q has to cover all that the target may say.
 *
 * <p>Where the draft cannot say all, that sum is infinite whatever q is. Then it is taken between what can
 * be said: m KL(p/m‖q), m the mass of p there, with gradient m q - p. The factor m is what the expectation of
 * cross entropy over the labels that can be said has, and weighs a position by what can be gained at it.
 */
public record ForwardKl() implements Divergence.PerPosition {
    @Override
    public double value(LawPair x) {
        double sum = 0;
        for (int block = 0; block < x.size; block += BLOCK) {
            FloatVector part = Lanes.zero();
            for (int i = block, end = Math.min(x.size, block + BLOCK); i < end; i += LANES) {
                FloatVector ratio = Lanes.at(x.p.logs, i).sub(Lanes.at(x.q.logs, i));
                part = Lanes.at(x.p.probabilities, i).fma(ratio, part);
            }
            sum += x.sum(part);
        }
        double kept = x.kept();
        return kept > 0 ? sum - kept * Math.log(kept) : 0;
    }

    @Override
    public void gradient(LawPair x, float scale) {
        float kept = (float) x.kept();
        for (int i = 0; i < x.size; i += LANES) {
            FloatVector q = Lanes.at(x.q.probabilities, i);
            q.mul(kept).sub(Lanes.at(x.p.probabilities, i)).mul(scale).intoArray(x.q.probabilities, i);
        }
    }
}
