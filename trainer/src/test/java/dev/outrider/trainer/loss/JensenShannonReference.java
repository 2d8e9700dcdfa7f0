package dev.outrider.trainer.loss;

/** {@link JensenShannon} in double, by its definition: log m = log((p + q) / 2) from the larger of the two. */
record JensenShannonReference() implements DivergenceReference {
    @Override
    public double value(double[] logP, double[] logQ, int label) {
        double[] logM = middle(logP, logQ);
        ForwardKlReference kl = new ForwardKlReference();
        return (kl.value(logP, logM, label) + kl.value(logQ, logM, label)) / 2;
    }

    private static double[] middle(double[] logP, double[] logQ) {
        double[] logM = new double[logP.length];
        for (int i = 0; i < logM.length; i++) {
            double high = Math.max(logP[i], logQ[i]), low = Math.min(logP[i], logQ[i]);
            logM[i] = high + Math.log1p(Math.exp(low - high)) - Math.log(2);
        }
        return logM;
    }

    @Override
    public double[] gradient(double[] logP, double[] logQ, int label) {
        double[] logM = middle(logP, logQ), gradient = new double[logP.length];
        double mean = new ForwardKlReference().value(logQ, logM, label);
        for (int i = 0; i < logP.length; i++) gradient[i] = Math.exp(logQ[i]) * (logQ[i] - logM[i] - mean) / 2;
        return gradient;
    }
}
