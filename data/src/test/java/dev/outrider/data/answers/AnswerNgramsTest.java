package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.Sessions;
import dev.outrider.data.shard.ShardFolder;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.ngram.NgramCounter;
import dev.outrider.decode.ngram.NgramHeader;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Recorded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Spark's table is the one that plain counting makes, byte for byte. */
@Tag("slow")
class AnswerNgramsTest {
    private static final int VOCABULARY = 200, LENGTH = 48;

    @TempDir
    Path folder;

    private static SparkSession spark;

    @BeforeAll
    static void open() {
        spark = Sessions.open("local[2]", Map.of());
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    /** Prompts of some tokens, answers, padding. */
    private static List<ShardRow> rows(long seed, int count) {
        var random = Seeds.generator(seed);
        List<ShardRow> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] tokens = new int[random.nextInt(2, LENGTH + 1)];
            byte[] mask = new byte[tokens.length];
            int prompt = random.nextInt(1, tokens.length);
            for (int t = 0; t < tokens.length; t++) {
                tokens[t] = (int) (VOCABULARY * Math.pow(random.nextDouble(), 3));
                mask[t] = (byte) (t < prompt ? 0 : 1);
            }
            rows.add(new ShardRow(tokens, mask, "a" + i));
        }
        return rows;
    }

    private Path shards(String name, String hash, List<ShardRow> rows) throws IOException {
        Path shards = folder.resolve(name);
        ShardFolder.write(shards, hash, VOCABULARY, LENGTH, 400, rows);
        return shards;
    }

    @Test
    void isWhatPlainCountingMakes() throws IOException {
        List<ShardRow> one = rows(1, 1000);
        List<ShardRow> two = rows(2, 500);
        Path output = folder.resolve("table");
        var spec = new AnswerNgrams.Spec(List.of(shards("one", "h", one), shards("two", "h", two)), output, 4, 5, 2);
        NgramHeader header = AnswerNgrams.make(spark, spec, 3000); // several tasks, several ranges of keys
        NgramCounter counter = new NgramCounter(VOCABULARY, 4);
        for (List<ShardRow> rows : List.of(one, two)) {
            for (ShardRow row : rows) {
                int supervised = row.supervised();
                counter.count(row.tokens(), row.tokens().length - supervised, row.tokens().length);
            }
        }
        Path expected = folder.resolve("expected");
        NgramTable.of(VOCABULARY, "h", counter, 5, 2, header.facts()).write(expected);
        assertThat(Files.mismatch(output, expected)).isEqualTo(-1);
        try (NgramTable table = NgramTable.open(output)) {
            assertThat(table.verify().header().tokens()).isEqualTo(counter.tokens());
            assertThat(table.header().facts()).containsKeys("shards.0", "shards.1", "most_followers");
        }
    }

    /** One in each prompt, behind its first token. */
    private static List<ShardRow> withPictures(List<ShardRow> rows) {
        return rows.stream().map(AnswerNgramsTest::withPicture).toList();
    }

    private static ShardRow withPicture(ShardRow row) {
        int n = row.tokens().length + 1;
        int[] tokens = new int[n];
        byte[] mask = new byte[n];
        for (int t = 0; t < n; t++) {
            int from = t < 1 ? t : t - 1;
            tokens[t] = t == 1 ? Picture.placeholder(0) : row.tokens()[from];
            mask[t] = t == 1 ? 0 : row.mask()[from];
        }
        return new ShardRow(tokens, mask, row.document()).with(List.of("picture"));
    }

    @Test
    void picturesAreLeftOutOfTablesAndPrompts() throws IOException {
        List<ShardRow> rows =
                rows(5, 60).stream().filter(row -> row.tokens().length < LENGTH).toList();
        Path blind = shards("blind", "h", rows), seen = shards("seen", "h", withPictures(rows));
        Path one = folder.resolve("one.table"), two = folder.resolve("two.table");
        AnswerNgrams.make(spark, new AnswerNgrams.Spec(List.of(blind), one, 3, 5, 1), 3000);
        AnswerNgrams.make(spark, new AnswerNgrams.Spec(List.of(seen), two, 3, 5, 1), 3000);
        try (NgramTable first = NgramTable.open(one);
                NgramTable second = NgramTable.open(two);
                Shards without = Shards.open(blind);
                Shards with = Shards.open(seen)) {
            assertThat(second.header().tokens()).isEqualTo(first.header().tokens());
            assertThat(second.header().entries()).isEqualTo(first.header().entries());
            List<Recorded> plain = RecordedAnswers.of(without), pictured = RecordedAnswers.of(with);
            assertThat(pictured).hasSameSizeAs(plain);
            for (int i = 0; i < plain.size(); i++) {
                assertThat(pictured.get(i).prompt()).isEqualTo(plain.get(i).prompt());
                assertThat(pictured.get(i).answer()).isEqualTo(plain.get(i).answer());
            }
        }
    }

    @Test
    void rowsAreAnswersToReplay() throws IOException {
        List<ShardRow> rows = rows(4, 20);
        try (Shards shards = Shards.open(shards("one", "h", rows))) {
            List<Recorded> recorded = RecordedAnswers.of(shards);
            assertThat(recorded).hasSize(20);
            for (int i = 0; i < 20; i++) {
                int prompt = rows.get(i).tokens().length - rows.get(i).supervised();
                assertThat(recorded.get(i).prompt())
                        .isEqualTo(Arrays.copyOf(rows.get(i).tokens(), prompt));
                assertThat(recorded.get(i).answer()).hasSize(rows.get(i).supervised());
            }
        }
    }

    @Test
    void anotherTokenizerIsRefused() throws IOException {
        var shards = List.of(shards("one", "h", rows(1, 3)), shards("two", "g", rows(1, 3)));
        assertThatThrownBy(() -> AnswerNgrams.make(spark, new AnswerNgrams.Spec(shards, folder.resolve("t"), 4, 5, 1)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("tokenizer g");
    }

    @Test
    void shardsWithoutAnswersAreRefused() throws IOException {
        Path shards = shards("one", "h", List.of(new ShardRow(new int[] {1, 2}, new byte[2], "a")));
        assertThatThrownBy(() -> AnswerNgrams.make(spark, new AnswerNgrams.Spec(shards, folder.resolve("t"))))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no supervised tokens");
    }

    @Test
    void idsOutsideTheVocabularyReachTheCallerAsAFailure() throws IOException {
        ShardRow row = new ShardRow(new int[] {1, VOCABULARY}, new byte[] {0, 1}, "a");
        Path shards = shards("one", "h", List.of(row));
        assertThatThrownBy(() -> AnswerNgrams.make(spark, new AnswerNgrams.Spec(shards, folder.resolve("t"))))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("token " + VOCABULARY);
        assertThat(folder.resolve("t")).doesNotExist();
    }
}
