package dev.outrider.trainer.loss;

/** {@link TotalVariation} in double; the policy gradient as the double sum over what is drawn and what is derived. */
record TotalVariationReference() implements DivergenceReference {
    @Override
    public double value(double[] logP, double[] logQ, int label) {
        double sum = 0;
        for (int i = 0; i < logP.length; i++) sum += Math.abs(Math.exp(logP[i]) - Math.exp(logQ[i]));
        return sum / 2;
    }

    // E_{x~q}[(1{x = j} - q_j) (-r_x)] = q_j Σ_x q_x (r_x - r_j)
    @Override
    public double[] gradient(double[] logP, double[] logQ, int label) {
        double[] gradient = new double[logP.length];
        for (int j = 0; j < logP.length; j++) {
            double sum = 0;
            for (int x = 0; x < logP.length; x++) {
                sum += Math.exp(logQ[x]) * (reward(logP, logQ, x) - reward(logP, logQ, j));
            }
            gradient[j] = Math.exp(logQ[j]) * sum;
        }
        return gradient;
    }

    static int reward(double[] logP, double[] logQ, int x) {
        return logP[x] > logQ[x] ? 1 : 0;
    }
}
