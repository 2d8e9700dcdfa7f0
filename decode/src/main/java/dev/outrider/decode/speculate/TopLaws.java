package dev.outrider.decode.speculate;

import java.io.Serializable;

/**
 * For every token of a text the K ids most likely in its place, given what came before it, and their
 * probabilities at temperature 1 without any filter; 1 - their sum is what all others have.
 *
 * @param k K; 0: nothing is kept
 * @param ids [tokens, K], most likely first, the lowest id first among equals; -1 where the vocabulary ends
 * @param logProbabilities [tokens, K], nats
 */
public record TopLaws(int k, int[] ids, float[] logProbabilities) implements Serializable {
    public static final TopLaws NONE = new TopLaws(0, new int[0], new float[0]);

    /** Number of tokens. */
    public int tokens() {
        return k == 0 ? 0 : ids.length / k;
    }
}
