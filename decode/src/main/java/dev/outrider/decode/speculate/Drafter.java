package dev.outrider.decode.speculate;

import java.util.random.RandomGenerator;

/**
 * Proposes tokens for the target to check. Any drafter keeps the output exact, as long as each proposed
 * token comes with the law it was really drawn from (a point mass if it was not drawn at all).
 */
public interface Drafter extends AutoCloseable {
    /** For reports. */
    String name();

    /** A new text begins with these tokens; what was known of an earlier one is dropped. */
    void begin(int[] context);

    /**
     * Proposes at most {@code count} tokens after everything heard so far.
     *
     * @param sampling the target's settings, which a drafter may follow or not
     */
    Proposal propose(int count, Sampling sampling, RandomGenerator random);

    /** The target kept the first {@code kept} tokens of the last proposal and then added {@code next}. */
    void hear(int kept, int next);

    /** Parameters, for MBSU's cost ratio c; 0 for tables. */
    long parameters();

    @Override
    default void close() {}

    /**
     * Proposed tokens, each with the law it was drawn from. laws[i] is ignored under greedy decoding.
     * Valid until the drafter is next called.
     */
    record Proposal(int[] tokens, Law[] laws, int count) {}
}
