package dev.outrider.trainer.loss;

/** {@link ForwardKl} in double. */
record ForwardKlReference() implements DivergenceReference {
    @Override
    public double value(double[] logP, double[] logQ, int label) {
        double sum = 0;
        for (int i = 0; i < logP.length; i++) sum += Math.exp(logP[i]) * (logP[i] - logQ[i]);
        return sum;
    }

    @Override
    public double[] gradient(double[] logP, double[] logQ, int label) {
        double[] gradient = new double[logP.length];
        for (int i = 0; i < logP.length; i++) gradient[i] = Math.exp(logQ[i]) - Math.exp(logP[i]);
        return gradient;
    }
}
