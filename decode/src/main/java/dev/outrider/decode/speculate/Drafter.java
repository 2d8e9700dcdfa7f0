package dev.outrider.decode.speculate;

import dev.outrider.decode.model.Picture;
import java.util.List;

/**
 * Proposes tokens for the target to check. Any drafter keeps the output exact, as long as each proposed
 * token comes with the law it was really drawn from (a point mass if it was not drawn at all).
 */
public interface Drafter extends AutoCloseable {
    /** For reports. */
    String name();

    /** Number of ids, V; has to be the target's. */
    int vocabulary();

    /** The pictures that placeholders of the texts to come stand for; drafters that cannot see leave them out. */
    default void show(List<Picture> pictures) {}

    /** A new text begins with these tokens, pictures' placeholders among them; what was known of an earlier one is dropped. */
    void begin(int[] context);

    /**
     * Proposes at most {@code count} tokens after everything heard so far; fewer, or none, are allowed.
     *
     * @param sampling the target's settings, which a drafter may follow or not
     * @param chance all its random decisions
     */
    Proposal propose(int count, Sampling sampling, Chance chance);

    /**
     * The target kept the first {@code kept} tokens of the last proposal and then added {@code next}.
     * Comes once after {@link #begin} (kept is 0: the token that the prompt alone yields) and then once
     * after every proposal, except when the text has ended.
     */
    void hear(int kept, int next);

    /** Parameters, for MBSU's cost ratio c; 0 for tables. */
    long parameters();

    @Override
    default void close() {}

    /**
     * Proposed tokens, each with the law it was drawn from. laws[i] is ignored under greedy decoding.
     * Valid until the drafter is next called.
     */
    record Proposal(int[] tokens, Law[] laws, int count) {
        /** Nothing is proposed. */
        public static final Proposal NONE = new Proposal(new int[0], new Law[0], 0);
    }
}
