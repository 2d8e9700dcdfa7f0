package dev.outrider.decode.model;

/**
 * A causal language model with a cache of what it has read. Not safe for several threads.
 */
public interface CausalModel extends AutoCloseable {
    /** Number of logits a position has, V. */
    int vocabulary();

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
