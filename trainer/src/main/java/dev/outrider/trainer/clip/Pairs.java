package dev.outrider.trainer.clip;

/** Pictures with captions that are true of them: what a CLIP learns from. Read by one thread, any pair any number of times. */
public interface Pairs {
    /** How many there are. */
    long size();

    /**
     * The picture, [3, S, S], normalised as the tower's preprocessing does it. It is read, and must stay as it is, until the
     * next step.
     */
    float[] pixels(long pair);

    /** The caption's tokens, at least one, its end token last if it has one; nothing behind it. Must stay as it is. */
    int[] caption(long pair);

    /** Equal for pairs that share a picture, where it has several captions. */
    default long picture(long pair) {
        return pair;
    }
}
