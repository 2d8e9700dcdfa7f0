package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.BLOCK;
import static dev.outrider.trainer.loss.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * TVD = Σ |p - q| / 2 = 1 - α. Its gradient is a policy gradient with reward r = 1{p > q}:
 * E_{x~q}[∇log q(x) (-r(x))] = -q (r - μ), μ = Σ q r. Rewards are decided between log-probabilities, where
 * two near 1 still differ. Mass of p that the draft cannot say is lost whatever q is: it is in the value, so
 * that 1 - TVD stays the acceptance, and not in the gradient.
 */
public record TotalVariation() implements Divergence.PerPosition {
    @Override
    public double value(LawPair x) {
        double sum = 0, rewarded = 0, others = 0;
        for (int block = 0; block < x.size; block += BLOCK) {
            FloatVector part = Lanes.zero(), with = part, without = part;
            for (int i = block, end = Math.min(x.size, block + BLOCK); i < end; i += LANES) {
                FloatVector p = Lanes.at(x.p.probabilities, i), q = Lanes.at(x.q.probabilities, i);
                VectorMask<Float> r = reward(x, i);
                part = part.add(p.sub(q).abs());
                with = with.add(q.blend(0f, r.not()));
                without = without.add(q.blend(0f, r));
            }
            sum += x.sum(part);
            rewarded += x.sum(with);
            others += x.sum(without);
        }
        x.own.clear();
        x.own.add(rewarded, others);
        return (sum + x.outside) / 2;
    }

    @Override
    public void gradient(LawPair x, float scale) {
        float rewarded = (float) (-scale * x.own.complement()), other = (float) (scale * x.own.mean());
        for (int i = 0; i < x.size; i += LANES) {
            FloatVector factor = FloatVector.broadcast(Lanes.FLOATS, other).blend(rewarded, reward(x, i));
            Lanes.at(x.q.probabilities, i).mul(factor).intoArray(x.q.probabilities, i);
        }
    }

    static VectorMask<Float> reward(LawPair x, int i) {
        return Lanes.at(x.p.logs, i).compare(VectorOperators.GT, Lanes.at(x.q.logs, i));
    }
}
