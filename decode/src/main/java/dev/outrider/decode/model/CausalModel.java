package dev.outrider.decode.model;

import dev.outrider.checkpoints.DraftVocabulary;
import java.util.List;
import java.util.Optional;

/**
 * A causal language model with a cache of what it has read. Not safe for several threads.
 */
public interface CausalModel extends AutoCloseable {
    /** Number of ids that the model reads, V; and of logits a position has, unless {@link #outputs} says otherwise. */
    int vocabulary();

    /** The tokens that logits are for, where these are not all V: a draft with a vocabulary of its own. */
    default Optional<DraftVocabulary> outputs() {
        return Optional.empty();
    }

    /** Number of logits a position has. */
    default int logits() {
        return outputs().map(DraftVocabulary::size).orElse(vocabulary());
    }

    /** Whether it reads pictures; a model that does not leaves them out and has positions of its own. */
    default boolean sees() {
        return false;
    }

    /** The pictures that placeholders of the texts to come stand for, see {@link Picture}; nothing where it cannot see. */
    default void show(List<Picture> pictures) {}

    /** What the model reads of a prompt: its rows of the pictures in place of their placeholders, or nothing there. */
    default int[] own(int[] prompt) {
        return Picture.left(prompt);
    }

    /** Most tokens the cache can hold. */
    int capacity();

    /** Tokens read so far. */
    int length();

    /** Forgets all but the first {@code length} tokens; O(1). */
    void truncate(int length);

    /**
     * Reads {@code count} more tokens and keeps the next-token logits of the last {@code rows} of them.
     * Speculative decoding relies on this: up to {@code Device.INVARIANT_ROWS} tokens read at once leave the
     * same bits, in cache and logits, as read one by one.
     */
    void read(int[] tokens, int offset, int count, int rows);

    /** Copies the logits of kept row {@code row} (0 = first kept) into {@code into}; raw, in nats. */
    void logits(int row, float[] into);

    @Override
    void close();
}
