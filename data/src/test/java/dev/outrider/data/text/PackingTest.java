package dev.outrider.data.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.data.text.Packing.Document;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PackingTest {
    private static final int BOS = 1, EOS = 2;

    /** Every token that follows another in a document is supervised exactly once, after that very token. */
    @Test
    void separateRowsPredictEveryTokenOnceAndNeverCross() {
        Seeds.run(50, random -> {
            int length = random.nextInt(2, 9);
            List<Document> documents = documents(random);
            List<ShardRow> rows = rows(Packing.SEPARATE, documents, length);
            for (Document document : documents) {
                List<ShardRow> own = rows.stream()
                        .filter(r -> r.document().equals(document.id()))
                        .toList();
                assertThat(own).hasSize((int) Packing.rowCount(document.tokens().length, length));
                assertThat(pairs(own)).isEqualTo(pairs(document.tokens()));
                assertThat(own.stream().mapToInt(ShardRow::begins).sum()).isEqualTo(1);
            }
            assertThat(rows.stream().mapToInt(ShardRow::begins).sum()).isEqualTo(documents.size());
        });
    }

    @Test
    void joinedRowsAreFullAndPredictTheWholeStream() {
        Seeds.run(50, random -> {
            int length = random.nextInt(2, 9);
            List<Document> documents = documents(random);
            List<ShardRow> rows = rows(Packing.JOINED, documents, length);
            int[] stream = documents.stream()
                    .flatMapToInt(d -> Arrays.stream(d.tokens()))
                    .toArray();
            assertThat(rows).hasSize((int) Packing.rowCount(stream.length, length));
            assertThat(rows.subList(0, rows.size() - 1)).allMatch(r -> r.tokens().length == length);
            assertThat(pairs(rows)).isEqualTo(pairs(stream));
            assertThat(rows.stream().mapToInt(ShardRow::begins).sum()).isEqualTo(documents.size());
        });
    }

    private static List<ShardRow> rows(Packing packing, List<Document> documents, int length) {
        List<ShardRow> rows = new ArrayList<>();
        packing.rows(length, BOS).of(documents.iterator()).forEachRemaining(rows::add);
        assertThat(rows).allMatch(r -> r.tokens().length <= length && r.mask()[0] == 0);
        return rows;
    }

    private static List<Document> documents(RandomGenerator random) {
        List<Document> out = new ArrayList<>();
        for (int i = 0, n = random.nextInt(1, 7); i < n; i++) {
            int[] body = random.ints(random.nextInt(20), 3, 1000).toArray();
            int[] tokens = IntStream.concat(IntStream.of(BOS), IntStream.concat(Arrays.stream(body), IntStream.of(EOS)))
                    .toArray();
            out.add(new Document("d" + i, tokens));
        }
        return out;
    }

    private static List<List<Integer>> pairs(List<ShardRow> rows) {
        List<List<Integer>> out = new ArrayList<>();
        for (ShardRow row : rows) {
            for (int i = 1; i < row.tokens().length; i++) {
                if (row.mask()[i] == 1) out.add(List.of(row.tokens()[i - 1], row.tokens()[i]));
            }
        }
        return out;
    }

    private static List<List<Integer>> pairs(int[] tokens) {
        return IntStream.range(1, tokens.length)
                .filter(i -> tokens[i] != BOS)
                .mapToObj(i -> List.of(tokens[i - 1], tokens[i]))
                .toList();
    }
}
