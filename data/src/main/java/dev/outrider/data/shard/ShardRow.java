package dev.outrider.data.shard;

import dev.outrider.decode.speculate.TopLaws;
import java.io.Serializable;

/**
 * What one row of a shard is made from.
 *
 * @param tokens at most T ids; the writer pads with 0
 * @param mask as long as tokens: 1 where the token is supervised
 * @param document id of the document or answer that the first token comes from
 * @param begins documents whose first token is in this row
 * @param laws of the tokens from lawsFrom on; those past the row's end are left out
 */
public record ShardRow(int[] tokens, byte[] mask, String document, int begins, int lawsFrom, TopLaws laws)
        implements Serializable {
    public ShardRow {
        if (tokens.length != mask.length) throw new IllegalArgumentException("a mask for every token");
    }

    /** A row without laws. */
    public ShardRow(int[] tokens, byte[] mask, String document, int begins) {
        this(tokens, mask, document, begins, 0, TopLaws.NONE);
    }

    /** A row with a whole document, or the first of its rows. */
    public ShardRow(int[] tokens, byte[] mask, String document) {
        this(tokens, mask, document, 1);
    }

    /** Number of supervised tokens. */
    public int supervised() {
        int n = 0;
        for (byte m : mask) n += m;
        return n;
    }
}
