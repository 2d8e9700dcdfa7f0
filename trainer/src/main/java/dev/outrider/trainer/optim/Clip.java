package dev.outrider.trainer.optim;

/** Clipping by the global norm, as PyTorch's clip_grad_norm_. */
public final class Clip {
    private static final double EPSILON = 1e-6;

    private Clip() {}

    /**
     * What all gradients are to be multiplied by: min(1, max / (norm + 1e-6)).
     *
     * @param norm of all gradients together
     * @param max largest norm wanted; 0 for no clipping
     */
    public static double factor(double norm, double max) {
        return max == 0 ? 1 : Math.min(1, max / (norm + EPSILON));
    }
}
