package dev.outrider.trainer.optim;

/**
 * AdamW (Loshchilov and Hutter, 1711.05101) in plain double loops over one group of parameters, as PyTorch
 * does it: p *= 1 - rate·decay; m and v; p -= rate / (1 - β1^t) · m / (√v / √(1 - β2^t) + ε).
 */
final class AdamWReference {
    private final double beta1;
    private final double beta2;
    private final double epsilon;
    private final double decay;
    final double[] parameters;
    final double[] first;
    final double[] second;
    private int step;

    AdamWReference(double[] parameters, double beta1, double beta2, double epsilon, double decay) {
        this.parameters = parameters.clone();
        this.first = new double[parameters.length];
        this.second = new double[parameters.length];
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.epsilon = epsilon;
        this.decay = decay;
    }

    /** @param scale factor on the gradients: that of clipping */
    void update(double[] gradients, double rate, double scale) {
        step++;
        for (int i = 0; i < parameters.length; i++) {
            double g = gradients[i] * scale;
            parameters[i] *= 1 - rate * decay;
            first[i] = beta1 * first[i] + (1 - beta1) * g;
            second[i] = beta2 * second[i] + (1 - beta2) * g * g;
            double root = Math.sqrt(second[i]) / Math.sqrt(1 - Math.pow(beta2, step)) + epsilon;
            parameters[i] -= rate / (1 - Math.pow(beta1, step)) * first[i] / root;
        }
    }
}
