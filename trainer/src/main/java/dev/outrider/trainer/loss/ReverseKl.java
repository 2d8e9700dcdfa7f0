package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.BLOCK;
import static dev.outrider.trainer.loss.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/** KL(q‖p) = Σ q (log q - log p), gradient q (log q - log p - KL(q‖p)): q keeps to what the target likes best. */
public record ReverseKl() implements Divergence.PerPosition {
    @Override
    public double value(LawPair x) {
        double sum = 0;
        for (int block = 0; block < x.size; block += BLOCK) {
            FloatVector part = Lanes.zero();
            for (int i = block, end = Math.min(x.size, block + BLOCK); i < end; i += LANES) {
                FloatVector ratio = Lanes.at(x.q.logs, i).sub(Lanes.at(x.p.logs, i));
                part = Lanes.at(x.q.probabilities, i).fma(ratio, part);
            }
            sum += x.sum(part);
        }
        return x.mean = sum;
    }

    @Override
    public void gradient(LawPair x, float scale) {
        float mean = (float) x.mean;
        for (int i = 0; i < x.size; i += LANES) {
            FloatVector ratio = Lanes.at(x.q.logs, i).sub(Lanes.at(x.p.logs, i));
            FloatVector q = Lanes.at(x.q.probabilities, i);
            q.mul(ratio.sub(mean)).mul(scale).intoArray(x.q.probabilities, i);
        }
    }
}
