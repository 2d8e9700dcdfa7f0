package dev.outrider.data.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardsTest {
    private static final int T = 7;

    @TempDir
    Path folder;

    @Test
    void readsWhatWasWritten() throws IOException {
        List<ShardRow> rows = rows(Seeds.generator(1), 1000);
        ShardManifest manifest = ShardFolder.write(folder, "t", 100, T, 600, rows);
        assertThat(manifest.files()).hasSize(2);
        assertThat(ShardManifest.read(folder)).isEqualTo(manifest);
        try (Shards shards = Shards.open(folder).verify().requireTokenizer("t")) {
            assertThat(shards.rows()).isEqualTo(1000);
            for (int i = 0; i < rows.size(); i++) same(shards, i, rows.get(i));
        }
    }

    private static void same(Shards shards, int row, ShardRow expected) {
        int[] tokens = new int[2 * T];
        byte[] mask = new byte[3 * T];
        Arrays.fill(mask, (byte) 9);
        shards.read(row, tokens, 3, mask, T);
        assertThat(Arrays.copyOfRange(tokens, 3, 3 + T)).isEqualTo(Arrays.copyOf(expected.tokens(), T));
        assertThat(Arrays.copyOfRange(mask, T, 2 * T)).isEqualTo(Arrays.copyOf(expected.mask(), T));
        assertThat(mask[T - 1] + mask[2 * T]).isEqualTo(18);
        assertThat(shards.length(row)).isEqualTo(expected.tokens().length);
        assertThat(shards.document(row)).isEqualTo(expected.document());
    }

    @Test
    void anyArrowReaderOpensIt() throws IOException {
        List<ShardRow> rows = rows(Seeds.generator(2), 300);
        ShardFolder.write(folder, "t", 100, T, 300, rows);
        int seen = 0;
        try (var memory = new RootAllocator();
                var in = new FileInputStream(shard().toFile());
                var reader = new ArrowFileReader(in.getChannel(), memory)) {
            while (reader.loadNextBatch()) {
                var root = reader.getVectorSchemaRoot();
                for (int i = 0; i < root.getRowCount(); i++, seen++) {
                    ShardRow row = rows.get(seen);
                    assertThat(((IntVector) root.getVector("length")).get(i)).isEqualTo(row.tokens().length);
                    assertThat(((VarCharVector) root.getVector("document")).getObject(i))
                            .hasToString(row.document());
                    assertThat(((FixedSizeListVector) root.getVector("tokens")).getObject(i))
                            .isEqualTo(Arrays.stream(Arrays.copyOf(row.tokens(), T))
                                    .boxed()
                                    .toList());
                }
            }
        }
        assertThat(seen).isEqualTo(300);
    }

    @Test
    void sumsAreThoseOfTheRows() throws IOException {
        List<ShardRow> rows = rows(Seeds.generator(3), 500);
        ShardManifest manifest = ShardFolder.write(folder, "t", 100, T, 100, rows);
        assertThat(manifest.tokens())
                .isEqualTo(rows.stream().mapToInt(r -> r.tokens().length).sum());
        assertThat(manifest.supervisedTokens())
                .isEqualTo(rows.stream().mapToInt(ShardRow::supervised).sum());
        assertThat(manifest.documents()).isEqualTo(500);
    }

    @Test
    void emptySplitOpens() throws IOException {
        ShardFolder.write(folder, "t", 100, T, 100, List.of());
        try (Shards shards = Shards.open(folder)) {
            assertThat(shards.rows()).isZero();
        }
    }

    @Test
    void truncationIsFoundAtEveryLength() throws IOException {
        ShardFolder.write(folder, "t", 100, T, 100, rows(Seeds.generator(4), 20));
        byte[] whole = Files.readAllBytes(shard());
        for (int keep = 0; keep < whole.length; keep += 97) {
            Files.write(shard(), Arrays.copyOf(whole, keep));
            failsWith("corrupt", () -> Shards.open(folder).close());
        }
    }

    /** Damaged metadata are refused or lead nowhere outside the file; damaged values are found by verify(). */
    @Test
    void flippedBytesNeverGoUnnoticed() throws IOException {
        ShardFolder.write(folder, "t", 100, T, 100, rows(Seeds.generator(5), 20));
        byte[] whole = Files.readAllBytes(shard());
        RandomGenerator random = Seeds.generator(6);
        for (int at = 0; at < whole.length; at += 1 + random.nextInt(8)) {
            byte[] damaged = whole.clone();
            damaged[at] ^= (byte) random.nextInt(1, 256);
            Files.write(shard(), damaged);
            failsWith("corrupt", () -> {
                try (Shards shards = Shards.open(folder)) {
                    int[] tokens = new int[T];
                    byte[] mask = new byte[T];
                    for (long row = 0; row < shards.rows(); row++) shards.read(row, tokens, 0, mask, 0);
                    shards.verify();
                }
            });
        }
    }

    @Test
    void tooOldTooNewAndCorruptAreThreeErrors() throws IOException {
        ShardFolder.write(folder, "t", 100, T, 100, rows(Seeds.generator(6), 3));
        String manifest = Files.readString(folder.resolve(ShardManifest.NAME));
        rewrite(manifest.replace("\"schema\" : 1", "\"schema\" : 0"), "too old");
        rewrite(manifest.replace("\"schema\" : 1", "\"schema\" : 2"), "too new");
        rewrite(manifest.replace("\"schema\" : 1", "\"schema\" : \"x\""), "corrupt");
        rewrite(manifest.substring(0, manifest.length() / 2), "corrupt");
        rewrite(manifest.replace("\"rows\" : 3", "\"rows\" : 4"), "corrupt");
        Files.delete(folder.resolve(ShardManifest.NAME));
        failsWith("no manifest.json", () -> Shards.open(folder));
    }

    private void rewrite(String manifest, String expected) throws IOException {
        Files.writeString(folder.resolve(ShardManifest.NAME), manifest);
        failsWith(expected, () -> Shards.open(folder));
    }

    @Test
    void anotherTokenizerIsRefused() throws IOException {
        ShardFolder.write(folder, "t", 100, T, 100, rows(Seeds.generator(7), 3));
        try (Shards shards = Shards.open(folder)) {
            failsWith("tokens of tokenizer t", () -> shards.requireTokenizer("u"));
        }
    }

    private static void failsWith(String text, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(Failure.class).hasMessageContaining(text);
    }

    private Path shard() {
        return folder.resolve(ShardFolder.name(0));
    }

    private static List<ShardRow> rows(RandomGenerator random, int count) {
        List<ShardRow> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int n = random.nextInt(1, T + 1);
            int[] tokens = random.ints(n, 0, 100).toArray();
            byte[] mask = new byte[n];
            for (int j = 1; j < n; j++) mask[j] = (byte) random.nextInt(2);
            rows.add(new ShardRow(tokens, mask, "document-" + "é".repeat(i % 4) + i));
        }
        return rows;
    }
}
