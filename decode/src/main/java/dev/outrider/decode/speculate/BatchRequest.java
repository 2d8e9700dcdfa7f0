package dev.outrider.decode.speculate;

/**
 * A text to generate among others.
 *
 * @param prompt at least one token, and no more than the batch's capacity
 * @param seed of its random decisions, which are its own
 */
public record BatchRequest(int[] prompt, Sampling sampling, Limits limits, long seed) {}
