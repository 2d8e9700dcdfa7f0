package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.shard.ShardFolder;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.decode.speculate.TopLaws;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of shards as batches, the target's stored laws beside their tokens. */
class SourceRowsTest {
    private static final int T = 5, K = 3, ROWS = 7;

    @TempDir
    Path folder;

    /** Laws of all tokens but the first ones, of logarithms that the file holds exactly. */
    private static ShardRow row(RandomGenerator random, boolean laws) {
        int n = 2 + random.nextInt(T - 1), from = random.nextInt(n);
        int[] ids = random.ints((long) (n - from) * K, 0, 50).toArray();
        float[] logs = new float[ids.length];
        for (int i = 0; i < logs.length; i++) logs[i] = -random.nextInt(64) / 4f;
        byte[] mask = new byte[n];
        mask[n - 1] = 1;
        TopLaws kept = laws ? new TopLaws(K, ids, logs) : TopLaws.NONE;
        return new ShardRow(random.ints(n, 0, 50).toArray(), mask, "d", 1, from, kept);
    }

    private List<ShardRow> write(boolean laws) throws IOException {
        RandomGenerator random = Seeds.generator(1);
        List<ShardRow> rows = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) rows.add(row(random, laws));
        var file = ShardFolder.shard(folder.resolve(ShardFolder.name(0)), T, "t", laws ? K : 0, false, rows.iterator());
        ShardManifest.of("t", 50, T, List.of(file), Map.of(), Map.of()).write(folder);
        return rows;
    }

    @Test
    void everyTokenKeepsItsLaw() throws IOException {
        List<ShardRow> rows = write(true);
        Shuffle order = new Shuffle(ROWS, 4);
        try (Shards shards = Shards.open(folder)) {
            Batch all = Source.Rows.of(shards).read(0, ROWS),
                    some = Source.Rows.of(shards, order).read(5, 6);
            for (int r = 0; r < ROWS; r++) same(all, r, rows.get(r));
            for (int r = 0; r < 6; r++) same(some, r, rows.get((int) order.row(5 + r)));
            same(some.part(2, 4), 1, rows.get((int) order.row(8)));
        }
    }

    private static void same(Batch batch, int at, ShardRow row) {
        int n = row.tokens().length;
        int[] tokens = Arrays.copyOfRange(batch.tokens(), at * T, at * T + n);
        assertThat(tokens).isEqualTo(row.tokens());
        BatchLaws laws = batch.laws().orElseThrow();
        assertThat(laws.k()).isEqualTo(K);
        int from = row.lawsFrom() * K;
        for (int i = 0; i < T * K; i++) {
            boolean known = i >= from && i < n * K;
            assertThat(laws.ids()[at * T * K + i]).isEqualTo(known ? row.laws().ids()[i - from] : -1);
            if (known)
                assertThat(laws.logs()[at * T * K + i]).isEqualTo(row.laws().logProbabilities()[i - from]);
        }
    }

    @Test
    void shardsWithoutLawsHaveNone() throws IOException {
        write(false);
        try (Shards shards = Shards.open(folder)) {
            assertThat(Source.Rows.of(shards).read(0, 2).laws()).isEmpty();
        }
    }
}
