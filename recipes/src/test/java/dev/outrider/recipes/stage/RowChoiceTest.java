package dev.outrider.recipes.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.ShardFolder;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.model.Picture;
import dev.outrider.recipes.Recipe.Answered;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.RowPictures;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows with a picture and rows without: an alignment gets the kind that it asks for. */
class RowChoiceTest {
    private static final int T = 4, ROWS = 12;
    private static final RowPictures BLIND = new RowPictures(
            id -> new Picture() {
                @Override
                public String id() {
                    return id;
                }

                @Override
                public float[] pixels() {
                    throw new AssertionError("a blind draft looks at nothing");
                }
            },
            0,
            T);

    @TempDir
    Path folder;

    /** Row i is about a picture where i is a multiple of three; its second word is i. */
    private Shards shards(boolean someSeen) throws IOException {
        List<ShardRow> rows = IntStream.range(0, ROWS)
                .mapToObj(i -> someSeen && i % 3 == 0
                        ? row(new int[] {-1, 100 + i, 5}, i).with(List.of("p" + i))
                        : row(new int[] {9, 100 + i, 5}, i))
                .toList();
        ShardManifest.ShardFile file =
                ShardFolder.shard(folder.resolve("a.arrow"), T, "t", 0, someSeen, rows.iterator());
        ShardManifest.of("t", 200, T, List.of(file), Map.of(), Map.of()).write(folder);
        return Shards.open(folder);
    }

    private static ShardRow row(int[] tokens, int i) {
        return new ShardRow(tokens, new byte[] {0, 0, 1}, "d" + i);
    }

    // The number in each row's second word, wherever the picture was.
    private static List<Integer> numbers(Batch batch) {
        return IntStream.of(batch.tokens())
                .filter(token -> token >= 100)
                .map(token -> token - 100)
                .boxed()
                .toList();
    }

    @Test
    void ofTheKindThatIsAskedFor() throws IOException {
        try (Shards shards = shards(true)) {
            assertThat(RowChoice.of(shards, Answered.SEEN).rows()).containsExactly(0, 3, 6, 9);
            assertThat(RowChoice.of(shards, Answered.TEXT).rows()).containsExactly(1, 2, 4, 5, 7, 8, 10, 11);
            assertThat(RowChoice.of(shards, Answered.ALL).rows()).hasSize(ROWS);
        }
    }

    @Test
    void inOrderAndEachOnceAnEpoch() throws IOException {
        try (Shards shards = shards(true)) {
            RowChoice seen = RowChoice.of(shards, Answered.SEEN);
            assertThat(numbers(seen.inOrder(BLIND).read(1, 3))).containsExactly(3, 6, 9);
            for (int epoch = 0; epoch < 3; epoch++) {
                assertThat(numbers(seen.shuffled(7, BLIND).read(4 * epoch, 4))).containsExactlyInAnyOrder(0, 3, 6, 9);
            }
        }
    }

    @Test
    void roomForThePicturesOfARow() throws IOException {
        try (Shards shards = shards(true)) {
            assertThat(RowChoice.longest(List.of(shards), 0)).isEqualTo(T);
            assertThat(RowChoice.longest(List.of(shards), 9)).isEqualTo(T + 8);
        }
    }

    @Test
    void noneOfThatKindIsRefusedByName() throws IOException {
        try (Shards shards = shards(false)) {
            assertThatThrownBy(() -> RowChoice.of(shards, Answered.SEEN))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("none with a picture");
        }
    }
}
