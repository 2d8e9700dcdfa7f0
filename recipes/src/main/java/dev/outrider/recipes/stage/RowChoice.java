package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.recipes.Recipe.Answered;
import dev.outrider.trainer.RowPictures;
import dev.outrider.trainer.Source;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Those rows of shards that an alignment is to learn from: all, or those without pictures, or those with some.
 *
 * @param rows their numbers, ascending
 */
record RowChoice(Shards shards, long[] rows) {
    /** @throws Failure DATA where there are none */
    static RowChoice of(Shards shards, Answered which) {
        long[] rows = LongStream.range(0, shards.rows())
                .filter(row -> which == Answered.ALL || shards.pictures(row).isEmpty() == (which == Answered.TEXT))
                .toArray();
        if (rows.length > 0) return new RowChoice(shards, rows);
        throw Failure.data(
                "shards of " + shards.rows() + " rows",
                switch (which) {
                    case ALL -> "none at all";
                    case TEXT -> "none without pictures";
                    case SEEN -> "none with a picture";
                },
                "at least one",
                "Give more text or prompts of that kind, filter less, or let the alignment learn from all answers.");
    }

    /** Most tokens of a row as a model reads it that has so many rows for a picture; a placeholder is one of the row's own. */
    static int longest(List<Shards> all, int pictureRows) {
        return all.stream()
                .mapToInt(shards -> shards.length() + mostPictures(shards) * Math.max(0, pictureRows - 1))
                .max()
                .orElseThrow();
    }

    private static int mostPictures(Shards shards) {
        return LongStream.range(0, shards.rows())
                .mapToInt(row -> shards.pictures(row).size())
                .max()
                .orElse(0);
    }

    /** Shuffled anew every epoch. */
    Source.Rows shuffled(long seed, RowPictures pictures) {
        Shuffle order = new Shuffle(rows.length, seed);
        return Source.Rows.of(shards, position -> rows[Math.toIntExact(order.row(position))], pictures);
    }

    /** In their own order. */
    Source.Rows inOrder(RowPictures pictures) {
        return Source.Rows.of(shards, position -> rows[Math.toIntExact(position)], pictures);
    }
}
