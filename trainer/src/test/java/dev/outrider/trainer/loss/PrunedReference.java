package dev.outrider.trainer.loss;

import dev.outrider.checkpoints.DraftVocabulary;
import java.util.Arrays;
import java.util.List;

/**
 * A divergence in plain double loops between a target's law over all tokens and that of a draft that says
 * some: q is 0 on the others, except that KL is m KL(p/m ‖ q) between what can be said.
 */
record PrunedReference(Divergence.PerPosition loss, DraftVocabulary outputs) {
    // exp of it is 0, and 0 times it is.
    private static final double NOTHING = -1e4;

    /** q over all tokens. */
    double[] all(double[] logQ) {
        double[] all = new double[outputs.vocabulary()];
        Arrays.fill(all, NOTHING);
        for (int i = 0; i < logQ.length; i++) all[outputs.target(i)] = logQ[i];
        return all;
    }

    private double kept(double[] logP) {
        double sum = 0;
        for (int i = 0; i < outputs.size(); i++) sum += Math.exp(logP[outputs.target(i)]);
        return sum;
    }

    /** p / m over what can be said. */
    private double[] said(double[] logP) {
        double[] said = new double[outputs.size()];
        for (int i = 0; i < said.length; i++) said[i] = logP[outputs.target(i)] - Math.log(kept(logP));
        return said;
    }

    /** @param label of the draft */
    double value(double[] logP, double[] logQ, int label) {
        return switch (loss) {
            case ForwardKl kl -> kept(logP) * new ForwardKlReference().value(said(logP), logQ, label);
            case LabelCrossEntropy _ -> -logQ[label];
            case AcceptanceHybrid(double eta) -> blend(lambda(eta, logP, logQ), logP, logQ);
            default -> DivergenceReference.of(loss).value(logP, all(logQ), label);
        };
    }

    double lambda(double eta, double[] logP, double[] logQ) {
        return Math.exp(-eta * DivergenceReference.acceptance(logP, all(logQ)));
    }

    double blend(double lambda, double[] logP, double[] logQ) {
        return lambda * with(new ForwardKl()).value(logP, logQ, 0)
                + (1 - lambda) * with(new TotalVariation()).value(logP, logQ, 0);
    }

    private PrunedReference with(Divergence.PerPosition other) {
        return new PrunedReference(other, outputs);
    }

    /** Over the draft's own tokens. */
    double[] gradient(double[] logP, double[] logQ, int label) {
        return switch (loss) {
            case ForwardKl kl -> scaled(kept(logP), new ForwardKlReference().gradient(said(logP), logQ, label));
            case LabelCrossEntropy _ -> new LabelCrossEntropyReference().gradient(logP, logQ, label);
            case AcceptanceHybrid(double eta) -> hybrid(lambda(eta, logP, logQ), logP, logQ);
            case TotalVariationPlus _ ->
                own(new TotalVariationPlusReference(List.of(logP), List.of(all(logQ))).gradient(0));
            default -> own(DivergenceReference.of(loss).gradient(logP, all(logQ), label));
        };
    }

    private double[] hybrid(double lambda, double[] logP, double[] logQ) {
        double[] kl = with(new ForwardKl()).gradient(logP, logQ, 0);
        double[] tvd = with(new TotalVariation()).gradient(logP, logQ, 0);
        for (int i = 0; i < kl.length; i++) kl[i] = lambda * kl[i] + (1 - lambda) * tvd[i];
        return kl;
    }

    private static double[] scaled(double factor, double[] values) {
        for (int i = 0; i < values.length; i++) values[i] *= factor;
        return values;
    }

    private double[] own(double[] all) {
        double[] own = new double[outputs.size()];
        for (int i = 0; i < own.length; i++) own[i] = all[outputs.target(i)];
        return own;
    }
}
