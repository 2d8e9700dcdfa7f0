package dev.outrider.trainer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.trainer.loss.TokenLoss;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;

/**
 * Part of every optimiser step's batch: some rows under some loss. Which rows a step gets is a pure
 * function of the step and of what the rows themselves keep in a checkpoint, so that resuming needs no more.
 *
 * @param share of the batch's rows, in (0, 1]; the loss of a source is weighted by its share of the rows
 */
public record Source(String name, Rows rows, TokenLoss loss, double share) {
    /** Rows in an endless order that is always the same. */
    @FunctionalInterface
    public interface Rows {
        /** Rows {@code from} .. {@code from + count - 1} of the order, as one batch. */
        Batch read(long from, int count);

        /**
         * Writes a file of a checkpoint: what the rows to come depend on beside their position and the model's
         * weights. Most depend on nothing, and write none.
         */
        default void save(Path file) {}

        /** Takes back what {@link #save} wrote, or begins anew where there is no such file. */
        default void restore(Path file) {}

        /** The rows of shards, shuffled anew every epoch, with the target's laws where they were stored. */
        static Rows of(Shards shards, Shuffle order) {
            return (from, count) -> batch(shards, order::row, from, count);
        }

        /** The rows of shards in their own order. */
        static Rows of(Shards shards) {
            return (from, count) -> batch(shards, row -> row, from, count);
        }

        /** The same of rows with pictures: a batch is as long as they need. */
        static Rows of(Shards shards, Shuffle order, RowPictures pictures) {
            return of(shards, order::row, pictures);
        }

        /** The rows of shards in any order: position to row. */
        static Rows of(Shards shards, LongUnaryOperator order, RowPictures pictures) {
            return (from, count) -> seeing(shards, order, pictures, from, count);
        }

        /** The rows of shards in their own order, with their pictures. */
        static Rows of(Shards shards, RowPictures pictures) {
            return (from, count) -> seeing(shards, row -> row, pictures, from, count);
        }

        private static Failure unseen(Shards shards, long row) {
            return Failure.usage(
                    "row " + row + " of the shards, of " + shards.document(row),
                    shards.pictures(row).size() + " pictures",
                    "a row without any, or word of what becomes of them",
                    "Give the pictures' store beside the shards.");
        }

        private static Batch seeing(
                Shards shards, LongUnaryOperator order, RowPictures pictures, long from, int count) {
            long[] rows = LongStream.range(from, from + count).map(order).toArray();
            if (LongStream.of(rows).allMatch(row -> shards.pictures(row).isEmpty())) {
                return batch(shards, order, from, count);
            }
            List<Expansion.Text> texts = LongStream.of(rows)
                    .mapToObj(row -> text(shards, row, pictures))
                    .toList();
            return Expansion.of(texts, pictures.rows(), pictures.longest(), shards.topK());
        }

        private static Expansion.Text text(Shards shards, long row, RowPictures pictures) {
            int time = shards.length(), k = shards.topK(), length = shards.length(row);
            int[] tokens = new int[time], ids = new int[time * k];
            byte[] mask = new byte[time];
            float[] logs = new float[ids.length];
            shards.read(row, tokens, 0, mask, 0);
            if (k > 0) shards.topLaws(row, ids, logs, 0);
            return new Expansion.Text(
                    "row " + row + " of the shards, of " + shards.document(row),
                    Arrays.copyOf(tokens, length),
                    mask,
                    k == 0 ? null : new BatchLaws(k, ids, logs),
                    shards.pictures(row).stream().map(pictures.pictures()).toList());
        }

        private static Batch batch(Shards shards, LongUnaryOperator order, long from, int count) {
            int time = shards.length(), k = shards.topK();
            int[] tokens = new int[count * time], ids = new int[count * time * k];
            byte[] mask = new byte[count * time];
            float[] logs = new float[ids.length];
            for (int r = 0; r < count; r++) {
                long row = order.applyAsLong(from + r);
                if (!shards.pictures(row).isEmpty()) throw unseen(shards, row);
                shards.read(row, tokens, r * time, mask, r * time);
                if (k > 0) shards.topLaws(row, ids, logs, r * time * k);
            }
            Batch batch = Batch.nextToken(count, time, tokens, mask);
            return k == 0 ? batch : batch.with(new BatchLaws(k, ids, logs));
        }
    }

    /** First position, in the order, of step {@code step} of batches of {@code batch} rows. */
    long position(long step, int batch) {
        return (long) Math.floor(step * batch * share + 1e-9);
    }

    /** Rows of this source in that step. */
    int count(long step, int batch) {
        return (int) (position(step + 1, batch) - position(step, batch));
    }

    /** The rows of that step; null if it has none. */
    Batch read(long step, int batch) {
        int count = count(step, batch);
        return count == 0 ? null : rows.read(position(step, batch), count);
    }
}
