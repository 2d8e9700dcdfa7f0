package dev.outrider.trainer.loss;

/**
 * TVD++ (Goel et al., 2403.00858): the policy gradient of {@link TotalVariation} with the reward replaced by
 * its advantage A = (r - μ) / σ: ∇ = E_{x~q}[∇log q(x) (-A(x))]. Its value is the TVD.
 *
 * <p>Exact, the expectation is the sum over the vocabulary: μ drops out (E_q[∇log q] = 0) and the gradient
 * is ∇TVD / σ. Sampled, it is the mean over tokens drawn from q, with the exact μ and σ of the scope, which
 * are at hand; so its expectation is the exact gradient. Over a batch σ is known only at its end
 * ({@link TokenLoss#gradientScale}), and the baseline is the position's own μ instead of the batch's: a
 * baseline does not change the expectation, and this one needs nothing of other micro-batches.
 */
public record TotalVariationPlus(Divergence.Scope scope, Estimator estimator) implements Divergence.PerPosition {
    private static final TotalVariation TVD = new TotalVariation();

    /** How the expectation over the draft's law is taken. */
    public sealed interface Estimator {}

    /** The sum over the vocabulary. */
    public record Exact() implements Estimator {}

    /**
     * Tokens drawn from the draft's law, the same ones for the same seed, step and position of the step.
     *
     * @param samples per position, at least 1
     */
    public record Sampled(int samples, long seed) implements Estimator {
        public Sampled {
            if (samples < 1) throw new IllegalArgumentException(samples + " samples");
        }
    }

    /** The default: exact, normalised over the batch. */
    public TotalVariationPlus() {
        this(Divergence.Scope.BATCH, new Exact());
    }

    @Override
    public double value(LawPair x) {
        return TVD.value(x);
    }

    @Override
    public void gradient(LawPair x, float scale) {
        Advantage norm = scope == Divergence.Scope.SEQUENCE ? x.scope : x.own;
        double factor = scope == Divergence.Scope.BATCH ? scale : scale * norm.inverseDeviation();
        switch (estimator) {
            case Exact() -> TVD.gradient(x, (float) factor);
            case Sampled(int samples, long seed) -> Draws.gradient(x, samples, seed, norm.mean(), factor);
        }
    }
}
