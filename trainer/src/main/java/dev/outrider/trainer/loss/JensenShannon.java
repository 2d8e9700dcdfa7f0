package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.BLOCK;
import static dev.outrider.trainer.loss.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * JSD = (KL(p‖m) + KL(q‖m)) / 2 with m = (p + q) / 2, at most log 2. With d = log p - log q and
 * s(d) = log(1 + e^d) = max(d, 0) + log(1 + min(p, q) / max(p, q)): log q - log m = log 2 - s(d) =: f, log p - log m = f + d,
 * and the gradient is q (f - Σ q f) / 2. Mass of p that the draft cannot say adds log 2 / 2 times itself.
 */
public record JensenShannon() implements Divergence.PerPosition {
    private static final float LN2 = (float) Math.log(2);

    // Keeps 0 / 0 out, where both probabilities are too small to count.
    private static final float LEAST = 1e-37f;

    @Override
    public double value(LawPair x) {
        double sum = 0, mean = 0;
        for (int block = 0; block < x.size; block += BLOCK) {
            FloatVector part = Lanes.zero(), partMean = part;
            for (int i = block, end = Math.min(x.size, block + BLOCK); i < end; i += LANES) {
                FloatVector p = Lanes.at(x.p.probabilities, i), q = Lanes.at(x.q.probabilities, i);
                FloatVector d = Lanes.at(x.p.logs, i).sub(Lanes.at(x.q.logs, i)), f = ratio(p, q, d);
                FloatVector qf = q.mul(f);
                part = p.fma(f.add(d), part).add(qf);
                partMean = partMean.add(qf);
                f.intoArray(x.p.logs, i);
            }
            sum += x.sum(part);
            mean += x.sum(partMean);
        }
        x.mean = mean;
        return (sum + x.outside * LN2) / 2;
    }

    private static FloatVector ratio(FloatVector p, FloatVector q, FloatVector d) {
        FloatVector less = Lanes.log1p(p.min(q).div(p.max(q).add(LEAST)));
        return FloatVector.broadcast(Lanes.FLOATS, LN2).sub(d.max(0).add(less));
    }

    /** p's log-probabilities are f now. */
    @Override
    public void gradient(LawPair x, float scale) {
        float mean = (float) x.mean, half = scale / 2;
        for (int i = 0; i < x.size; i += LANES) {
            FloatVector f = Lanes.at(x.p.logs, i).sub(mean);
            Lanes.at(x.q.probabilities, i).mul(f).mul(half).intoArray(x.q.probabilities, i);
        }
    }
}
