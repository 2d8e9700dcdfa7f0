package dev.outrider.data.shard;

import java.io.Serializable;

/**
 * What one row of a shard is made from.
 *
 * @param tokens at most T ids; the writer pads with 0
 * @param mask as long as tokens: 1 where the token is supervised
 * @param document id of the document or answer it comes from
 */
public record ShardRow(int[] tokens, byte[] mask, String document) implements Serializable {
    public ShardRow {
        if (tokens.length != mask.length) throw new IllegalArgumentException("a mask for every token");
    }

    /** Number of supervised tokens. */
    public int supervised() {
        int n = 0;
        for (byte m : mask) n += m;
        return n;
    }
}
