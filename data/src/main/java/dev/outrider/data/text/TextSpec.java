package dev.outrider.data.text;

import dev.outrider.checkpoints.Failure;
import java.nio.file.Path;

/**
 * What {@link TextPipeline} is to do.
 *
 * @param tokenizer a model directory or a tokenizer file
 * @param output folder to make, with {@code train/} and, if validShare is above 0, {@code valid/}
 * @param sequenceLength T
 * @param validShare share of the documents, by their hash, that go to validation; in [0, 1)
 * @param rowsPerShard about so many rows in each file
 * @param seed of the split
 * @param specials whether a special token's text inside a document becomes that token: only for text of one's own
 */
public record TextSpec(
        Source source,
        Path tokenizer,
        Path output,
        int sequenceLength,
        Packing packing,
        Filters filters,
        double validShare,
        int rowsPerShard,
        long seed,
        boolean specials) {
    public static final int ROWS_PER_SHARD = 32_768;

    public TextSpec {
        require(sequenceLength >= 2, "sequence length " + sequenceLength, "2 or more");
        require(validShare >= 0 && validShare < 1, "validation share " + validShare, "a number in [0, 1)");
        require(rowsPerShard >= 1, "rows per shard " + rowsPerShard, "1 or more");
    }

    private static void require(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("text pipeline", found, expected, "Correct the setting.");
    }
}
