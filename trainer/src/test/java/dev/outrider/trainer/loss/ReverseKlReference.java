package dev.outrider.trainer.loss;

/** {@link ReverseKl} in double. */
record ReverseKlReference() implements DivergenceReference {
    @Override
    public double value(double[] logP, double[] logQ, int label) {
        return new ForwardKlReference().value(logQ, logP, label);
    }

    @Override
    public double[] gradient(double[] logP, double[] logQ, int label) {
        double mean = value(logP, logQ, label);
        double[] gradient = new double[logP.length];
        for (int i = 0; i < logP.length; i++) gradient[i] = Math.exp(logQ[i]) * (logQ[i] - logP[i] - mean);
        return gradient;
    }
}
