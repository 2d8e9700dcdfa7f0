package dev.outrider.decode.device;

/**
 * The constants of one update of AdamW (Loshchilov and Hutter, 1711.05101) with decoupled decay, in PyTorch's order:
 * p *= 1 - rate·decay; m += (1 - β1)(g - m); v = β2·v + (1 - β2)g²; p -= rate/(1 - β1^t) · m / (√v/√(1 - β2^t) + eps),
 * g being scaled first.
 *
 * @param keep 1 - rate·decay
 * @param first 1 - β1
 * @param second β2
 * @param rate rate/(1 - β1^t)
 * @param root √(1 - β2^t)
 * @param scale of the gradient
 */
public record AdamWStep(double keep, double first, double second, double rate, double root, double eps, double scale) {
    /** The constants of step t, from 1. */
    public static AdamWStep of(
            double rate, double beta1, double beta2, double eps, double decay, double scale, long t) {
        if (t < 1) throw new IllegalArgumentException("step " + t + "; steps count from 1");
        double corrected = rate / (1 - Math.pow(beta1, t)), root = Math.sqrt(1 - Math.pow(beta2, t));
        return new AdamWStep(1 - rate * decay, 1 - beta1, beta2, corrected, root, eps, scale);
    }
}
