package dev.outrider.data.shard;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.TopLaws;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/**
 * What one row of a shard is made from.
 *
 * @param tokens at most T ids; the writer pads with 0. -1 - k stands for the k-th of the pictures, see {@link Picture}
 * @param mask as long as tokens: 1 where the token is supervised
 * @param document id of the document or answer that the first token comes from
 * @param begins documents whose first token is in this row
 * @param laws of the tokens from lawsFrom on; those past the row's end are left out
 * @param pictures ids of the pictures; those behind the last that the tokens name are left out
 */
public record ShardRow(
        int[] tokens, byte[] mask, String document, int begins, int lawsFrom, TopLaws laws, List<String> pictures)
        implements Serializable {
    public ShardRow {
        if (tokens.length != mask.length) throw new IllegalArgumentException("a mask for every token");
        pictures = List.copyOf(pictures.subList(0, Math.min(pictures.size(), named(tokens))));
    }

    // One more than the highest number of a picture.
    private static int named(int[] tokens) {
        return Arrays.stream(tokens)
                .filter(Picture::isPlaceholder)
                .map(Picture::number)
                .map(k -> Math.min(k, Integer.MAX_VALUE - 1) + 1)
                .max()
                .orElse(0);
    }

    /** A row without pictures. */
    public ShardRow(int[] tokens, byte[] mask, String document, int begins, int lawsFrom, TopLaws laws) {
        this(tokens, mask, document, begins, lawsFrom, laws, List.of());
    }

    /** A row without laws. */
    public ShardRow(int[] tokens, byte[] mask, String document, int begins) {
        this(tokens, mask, document, begins, 0, TopLaws.NONE);
    }

    /** A row with a whole document, or the first of its rows. */
    public ShardRow(int[] tokens, byte[] mask, String document) {
        this(tokens, mask, document, 1);
    }

    /** As it is, with the pictures that its placeholders stand for. */
    public ShardRow with(List<String> pictures) {
        return new ShardRow(tokens, mask, document, begins, lawsFrom, laws, pictures);
    }

    /** @throws Failure DATA where a negative id stands for no picture of the row */
    void requirePictures(String place) {
        for (int id : tokens) {
            if (Picture.isPlaceholder(id) && Picture.number(id) >= pictures.size()) {
                throw stray(place + ", " + document, id, pictures.size());
            }
        }
    }

    static Failure stray(String place, int id, int pictures) {
        return Failure.data(
                place,
                "the id " + id + " in a row of " + pictures + " pictures; corrupt",
                "no negative ids but -1 - k for the k-th picture of the row",
                "Make the shards again.");
    }

    /** Number of supervised tokens. */
    public int supervised() {
        int n = 0;
        for (byte m : mask) n += m;
        return n;
    }
}
