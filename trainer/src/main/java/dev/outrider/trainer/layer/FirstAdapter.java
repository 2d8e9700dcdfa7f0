package dev.outrider.trainer.layer;

/** What an adapter begins as. */
public sealed interface FirstAdapter permits FirstAdapter.AtRandom, ProjectorCut {
    /**
     * Normal values of deviation 1/sqrt(3 · inputs), as PyTorch's linear layers and so LLaVA's projectors begin; biases 0.
     *
     * @param seed the same values for the same
     */
    record AtRandom(long seed) implements FirstAdapter {}
}
