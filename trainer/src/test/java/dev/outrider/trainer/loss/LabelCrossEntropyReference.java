package dev.outrider.trainer.loss;

/** {@link LabelCrossEntropy} in double. */
record LabelCrossEntropyReference() implements DivergenceReference {
    @Override
    public double value(double[] logP, double[] logQ, int label) {
        return -logQ[label];
    }

    @Override
    public double[] gradient(double[] logP, double[] logQ, int label) {
        double[] gradient = new double[logQ.length];
        for (int i = 0; i < gradient.length; i++) gradient[i] = i == label ? Math.expm1(logQ[i]) : Math.exp(logQ[i]);
        return gradient;
    }
}
