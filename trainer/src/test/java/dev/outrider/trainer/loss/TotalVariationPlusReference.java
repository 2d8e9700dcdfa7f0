package dev.outrider.trainer.loss;

import java.util.List;

/**
 * {@link TotalVariationPlus} in double over a set of positions that share μ and σ: the exact expectation of
 * the policy gradient with advantages, the mean not left out.
 *
 * @param logP laws of the set's positions
 */
record TotalVariationPlusReference(List<double[]> logP, List<double[]> logQ) {
    /** Of r under q, positions weighing equally. */
    double mean() {
        double sum = 0;
        for (int t = 0; t < logP.size(); t++) {
            for (int x = 0; x < logP.get(t).length; x++) sum += Math.exp(logQ.get(t)[x]) * reward(t, x);
        }
        return sum / logP.size();
    }

    /** √(Σ q (r - μ)²), by its definition. */
    double deviation() {
        double mean = mean(), sum = 0;
        for (int t = 0; t < logP.size(); t++) {
            for (int x = 0; x < logP.get(t).length; x++) {
                sum += Math.exp(logQ.get(t)[x]) * Math.pow(reward(t, x) - mean, 2);
            }
        }
        return Math.sqrt(sum / logP.size());
    }

    private int reward(int t, int x) {
        return TotalVariationReference.reward(logP.get(t), logQ.get(t), x);
    }

    /** E_{x~q}[∇log q(x) (-(r(x) - μ) / σ)] at position t of the set; 0 where σ is. */
    double[] gradient(int t) {
        double mean = mean(), deviation = deviation();
        double[] gradient = new double[logQ.get(t).length];
        for (int j = 0; j < gradient.length && deviation > 0; j++) {
            double qj = Math.exp(logQ.get(t)[j]), own = reward(t, j) - mean, others = 0;
            for (int x = 0; x < gradient.length; x++) others += Math.exp(logQ.get(t)[x]) * (reward(t, x) - mean);
            gradient[j] = -qj * (own - others) / deviation;
        }
        return gradient;
    }
}
