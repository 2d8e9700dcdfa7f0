package dev.outrider.trainer.loss;

import static dev.outrider.trainer.loss.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * LK-hybrid (LK losses, 2602.23881): λ KL(p‖q) + (1 - λ) TVD, λ = exp(-η α) held constant, with the
 * position's own α: KL where draft and target hardly overlap, TVD where they do.
 *
 * @param eta η ≥ 0; 3 as published, 0 is KL alone
 */
public record AcceptanceHybrid(double eta) implements Divergence.PerPosition {
    private static final ForwardKl KL = new ForwardKl();
    private static final TotalVariation TVD = new TotalVariation();

    public AcceptanceHybrid {
        if (!(eta >= 0)) throw new IllegalArgumentException("η = " + eta);
    }

    @Override
    public double value(LawPair x) {
        double weight = weight(x);
        return weight * KL.value(x) + (1 - weight) * TVD.value(x);
    }

    private double weight(LawPair x) {
        return Math.exp(-eta * x.acceptance);
    }

    @Override
    public void gradient(LawPair x, float scale) {
        float kl = (float) (scale * weight(x)), tvd = scale - kl, kept = (float) x.kept();
        float rewarded = (float) (-tvd * x.own.complement()), other = (float) (tvd * x.own.mean());
        for (int i = 0; i < x.size; i += LANES) {
            FloatVector p = Lanes.at(x.p.probabilities, i), q = Lanes.at(x.q.probabilities, i);
            FloatVector factor =
                    FloatVector.broadcast(Lanes.FLOATS, other).blend(rewarded, TotalVariation.reward(x, i));
            q.mul(kept).sub(p).mul(kl).add(q.mul(factor)).intoArray(x.q.probabilities, i);
        }
    }
}
