package dev.outrider.data.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenCountsTest {
    private static final int V = 10;

    @TempDir
    Path folder;

    private static ShardRow row(int[] tokens, int... mask) {
        byte[] bytes = new byte[mask.length];
        for (int i = 0; i < mask.length; i++) bytes[i] = (byte) mask[i];
        return new ShardRow(tokens, bytes, "d");
    }

    private Shards shards(String name, int vocabulary, ShardRow... rows) throws IOException {
        ShardFolder.write(folder.resolve(name), "t", vocabulary, 6, 2, List.of(rows));
        return Shards.open(folder.resolve(name));
    }

    private TokenCounts counts() throws IOException {
        try (Shards a = shards(
                        "a",
                        V,
                        row(new int[] {1, 5, 5, 3, 2}, 0, 0, 1, 1, 1),
                        row(new int[] {4, 5, 8, 8, 8, 8}, 1, 1, 0, 1, 0, 0),
                        row(new int[] {6, 6, 6}, 0, 0, 0));
                Shards b = shards("b", V, row(new int[] {3, 7, 3}, 0, 1, 1))) {
            return TokenCounts.of(a, b);
        }
    }

    @Test
    void countsWhatIsLearntAndWhatIsRead() throws IOException {
        TokenCounts counts = counts();
        long[] learnt = {0, 0, 1, 2, 0, 2, 0, 1, 1, 0}; // not row 1's first token, which nothing predicts
        long[] read = {0, 1, 0, 2, 1, 3, 0, 1, 1, 0}; // nothing behind a row's last label
        for (int id = 0; id < V; id++) {
            assertThat(counts.learnt(id)).as("learnt %d", id).isEqualTo(learnt[id]);
            assertThat(counts.read(id)).as("read %d", id).isEqualTo(read[id]);
        }
    }

    @Test
    void theMostFrequentAreChosenTiesByIdAndSomeInAnyCase() throws IOException {
        TokenCounts counts = counts();
        assertThat(counts.mostFrequent(3, Set.of()).targets()).containsExactly(2, 3, 5);
        assertThat(counts.mostFrequent(3, Set.of(9)).targets()).containsExactly(3, 5, 9);
        assertThat(counts.mostFrequent(6, Set.of(2, 9)).targets()).containsExactly(2, 3, 5, 7, 8, 9);
        assertThat(counts.mostFrequent(7, Set.of()).targets()).containsExactly(0, 1, 2, 3, 5, 7, 8);
        assertThat(counts.mostFrequent(V, Set.of()).size()).isEqualTo(V);
        for (int size : new int[] {0, 1, V + 1}) {
            assertThatThrownBy(() -> counts.mostFrequent(size, Set.of(2, 9)))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining(size + " tokens");
        }
    }

    @Test
    void coverageAndUntouchedRows() throws IOException {
        TokenCounts counts = counts();
        DraftVocabulary some = new DraftVocabulary(V, new int[] {0, 3, 5, 9});
        assertThat(counts.coverage(some)).isEqualTo(4 / 7.0, within(1e-12));
        assertThat(counts.use()).isEqualTo(new RowUse(V, 4, V, 5));
        assertThat(counts.use(some)).isEqualTo(new RowUse(V, 4, 4, 2));
        assertThat(counts.use(some).line()).contains("4 of 10 embedding rows (40.0 %)", "2 of 4 head rows (50.0 %)");
    }

    @Test
    void shardsOfSeveralVocabulariesAreRefused() throws IOException {
        try (Shards a = shards("x", V, row(new int[] {1, 5}, 0, 1));
                Shards b = shards("y", 12, row(new int[] {1, 5}, 0, 1))) {
            assertThatThrownBy(() -> TokenCounts.of(a, b))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("12");
        }
        assertThatThrownBy(TokenCounts::of).isInstanceOf(Failure.class).hasMessageContaining("no shards");
    }
}
