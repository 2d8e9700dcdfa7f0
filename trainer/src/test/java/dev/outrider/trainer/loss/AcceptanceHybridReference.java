package dev.outrider.trainer.loss;

/** {@link AcceptanceHybrid} in double. */
record AcceptanceHybridReference(double eta) implements DivergenceReference {
    @Override
    public double value(double[] logP, double[] logQ, int label) {
        return blend(lambda(logP, logQ), logP, logQ, label);
    }

    double lambda(double[] logP, double[] logQ) {
        return Math.exp(-eta * DivergenceReference.acceptance(logP, logQ));
    }

    /** The loss at a given λ. */
    double blend(double lambda, double[] logP, double[] logQ, int label) {
        double kl = new ForwardKlReference().value(logP, logQ, label);
        return lambda * kl + (1 - lambda) * new TotalVariationReference().value(logP, logQ, label);
    }

    @Override
    public double[] gradient(double[] logP, double[] logQ, int label) {
        double lambda = lambda(logP, logQ);
        double[] kl = new ForwardKlReference().gradient(logP, logQ, label);
        double[] tvd = new TotalVariationReference().gradient(logP, logQ, label);
        for (int i = 0; i < kl.length; i++) kl[i] = lambda * kl[i] + (1 - lambda) * tvd[i];
        return kl;
    }
}
