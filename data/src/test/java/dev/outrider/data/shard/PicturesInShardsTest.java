package dev.outrider.data.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Show;
import dev.outrider.data.TestTokenizer;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.TopLaws;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows with none, one or several pictures. */
class PicturesInShardsTest {
    private static final int T = 9, ROWS = 700;

    @TempDir
    Path folder;

    private static List<ShardRow> rows(RandomGenerator random, int topK) {
        List<ShardRow> rows = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            int seen = random.nextInt(4), n = random.nextInt(seen + 2, T + 1);
            int[] tokens = random.ints(n, 0, 100).toArray();
            List<String> pictures = new ArrayList<>();
            for (int k = 0; k < seen; k++) {
                tokens[k + 1] = Picture.placeholder(k);
                pictures.add("picture-" + "é".repeat(random.nextInt(3)) + random.nextInt(50));
            }
            byte[] mask = new byte[n];
            mask[n - 1] = 1;
            TopLaws laws = topK == 0
                    ? TopLaws.NONE
                    : new TopLaws(topK, random.ints(topK, 0, 100).toArray(), new float[topK]);
            rows.add(new ShardRow(tokens, mask, "d" + i, 1, n - 1, laws, pictures));
        }
        return rows;
    }

    private void write(int topK, boolean pictures, List<ShardRow> rows) throws IOException {
        int half = rows.size() / 2;
        List<ShardManifest.ShardFile> files = List.of(
                ShardFolder.shard(
                        folder.resolve("a.arrow"),
                        T,
                        "t",
                        topK,
                        pictures,
                        rows.subList(0, half).iterator()),
                ShardFolder.shard(
                        folder.resolve("b.arrow"),
                        T,
                        "t",
                        topK,
                        pictures,
                        rows.subList(half, rows.size()).iterator()));
        ShardManifest.of("t", 100, T, files, Map.of(), Map.of()).write(folder);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void comeBackAsTheyWere(int topK) throws IOException {
        List<ShardRow> rows = rows(Seeds.generator(1), topK);
        write(topK, true, rows);
        int[] tokens = new int[T], ids = new int[T * 2];
        byte[] mask = new byte[T];
        try (Shards shards = Shards.open(folder).verify()) {
            assertThat(shards.topK()).isEqualTo(topK);
            for (int i = 0; i < ROWS; i++) {
                ShardRow row = rows.get(i);
                shards.read(i, tokens, 0, mask, 0);
                assertThat(tokens).isEqualTo(Arrays.copyOf(row.tokens(), T));
                assertThat(shards.pictures(i)).as("row %d", i).isEqualTo(row.pictures());
                assertThat(shards.document(i)).isEqualTo(row.document());
                if (topK == 0) continue;
                shards.topLaws(i, ids, new float[ids.length], 0);
                int at = row.lawsFrom() * topK;
                assertThat(Arrays.copyOfRange(ids, at, at + topK))
                        .isEqualTo(row.laws().ids());
            }
        }
    }

    @Test
    void anyArrowReaderOpensThem() throws IOException {
        List<ShardRow> rows = rows(Seeds.generator(2), 0);
        write(0, true, rows);
        int seen = 0;
        try (var memory = new RootAllocator();
                var in = new FileInputStream(folder.resolve("a.arrow").toFile());
                var reader = new ArrowFileReader(in.getChannel(), memory)) {
            while (reader.loadNextBatch()) {
                var lists = (ListVector) reader.getVectorSchemaRoot().getVector(ShardWriter.PICTURES);
                for (int i = 0; i < reader.getVectorSchemaRoot().getRowCount(); i++, seen++) {
                    assertThat(lists.getObject(i).stream().map(Object::toString).toList())
                            .isEqualTo(rows.get(seen).pictures());
                }
            }
        }
        assertThat(seen).isEqualTo(ROWS / 2);
    }

    @Test
    void shardsWithoutTheColumnHaveNone() throws IOException {
        write(0, false, List.of(row(new int[] {1, 2}), row(new int[] {3, 4})));
        try (Shards shards = Shards.open(folder)) {
            assertThat(shards.pictures(1)).isEmpty();
        }
        ShardManifest seeing = ShardFolder.write(
                folder.resolve("w"), "t", 100, T, 5, List.of(row(new int[] {1, -1}, "p"), row(new int[] {1, 2})));
        assertThat(seeing.tokens()).isEqualTo(4);
        try (Shards shards = Shards.open(folder.resolve("w"))) {
            assertThat(shards.pictures(0)).containsExactly("p");
            assertThat(shards.pictures(1)).isEmpty();
        }
    }

    private static ShardRow row(int[] tokens, String... pictures) {
        byte[] mask = new byte[tokens.length];
        mask[tokens.length - 1] = 1;
        return new ShardRow(tokens, mask, "doc").with(List.of(pictures));
    }

    @Test
    void picturesThatWereCutOffGo() {
        assertThat(row(new int[] {1, -1, 2, -2, 3}, "a", "b", "c").pictures()).containsExactly("a", "b");
        assertThat(row(new int[] {1, 2}, "a").pictures()).isEmpty();
        assertThat(row(new int[] {1, Integer.MIN_VALUE}, "a").pictures()).containsExactly("a");
    }

    @Test
    void otherNegativeIdsAreRefusedByWriterAndReader() throws IOException {
        for (ShardRow bad : List.of(row(new int[] {1, -2}, "a"), row(new int[] {-1}), row(new int[] {1, -7, 2}))) {
            assertThatThrownBy(() -> write(0, true, List.of(row(new int[] {1, 2}), bad)))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("b.arrow, doc")
                    .hasMessageContaining(
                            "the id " + Arrays.stream(bad.tokens()).min().getAsInt());
        }
        write(0, true, List.of(row(new int[] {1, 2}), row(new int[] {77, -1}, "a")));
        byte[] file = Files.readAllBytes(folder.resolve("b.arrow"));
        ByteBuffer all = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int at = 0;
        while (all.getInt(at) != 77 || all.getInt(at + 4) != -1) at += 4;
        all.putInt(at + 4, -2);
        Files.write(folder.resolve("b.arrow"), file);
        try (Shards shards = Shards.open(folder)) {
            shards.read(0, new int[T], 0, new byte[T], 0);
            assertThatThrownBy(() -> shards.read(1, new int[T], 0, new byte[T], 0))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("the id -2 in a row of 1 pictures; corrupt");
        }
    }

    /** Damage leads nowhere outside the file. */
    @Test
    void flippedBytesNeverGoUnnoticed() throws IOException {
        List<ShardRow> some = rows(Seeds.generator(5), 0).subList(0, 20);
        write(0, true, some);
        byte[] whole = Files.readAllBytes(folder.resolve("b.arrow"));
        RandomGenerator random = Seeds.generator(6);
        for (int at = 0; at < whole.length; at += 1 + random.nextInt(8)) {
            byte[] damaged = whole.clone();
            damaged[at] ^= (byte) random.nextInt(1, 256);
            Files.write(folder.resolve("b.arrow"), damaged);
            assertThatThrownBy(this::readAll).isInstanceOf(Failure.class);
        }
    }

    private void readAll() {
        try (Shards shards = Shards.open(folder)) {
            for (long row = 0; row < shards.rows(); row++) {
                shards.read(row, new int[T], 0, new byte[T], 0);
                shards.pictures(row);
                shards.document(row);
            }
            shards.verify();
        }
    }

    @Test
    void aPictureIsNoTokenAndIsShownAsOne() throws IOException {
        Tokenizer tokenizer = TestTokenizer.train();
        int[] river = tokenizer.encode("the river", false);
        int[] tokens = new int[river.length + 2];
        tokens[0] = tokenizer.bosId();
        tokens[1] = Picture.placeholder(0);
        System.arraycopy(river, 0, tokens, 2, river.length);
        ShardFolder.write(folder, "t", tokenizer.size(), 30, 5, List.of(row(tokens, "p")));
        try (Shards shards = Shards.open(folder)) {
            TokenCounts counts = TokenCounts.of(shards);
            long read = 0;
            for (int id = 0; id < counts.vocabulary(); id++) read += counts.read(id);
            assertThat(read).isEqualTo(tokens.length - 2);
            assertThat(counts.learnt(river[river.length - 1])).isEqualTo(1);
            assertThat(Show.row(shards, tokenizer, 0, false))
                    .contains("<s><image>")
                    .contains("the river".substring(4, 6));
        }
    }
}
