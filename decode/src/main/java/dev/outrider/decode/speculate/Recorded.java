package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;

/**
 * An answer that a target once gave under greedy decoding.
 *
 * @param prompt token ids that it was given; at least one
 * @param answer token ids that it said; at least one, an ending EOS included
 */
public record Recorded(int[] prompt, int[] answer) {
    public Recorded {
        if (prompt.length == 0 || answer.length == 0) {
            throw Failure.data(
                    "recorded answer",
                    prompt.length + " prompt tokens, " + answer.length + " answer tokens",
                    "at least one of each",
                    "Leave it out.");
        }
    }
}
