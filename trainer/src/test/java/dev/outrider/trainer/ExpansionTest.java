package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.shard.ShardFolder;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.TopLaws;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows with pictures as batches for drafts that see and that do not, against lists made element by element. */
class ExpansionTest {
    private static final int T = 12, K = 2, ROWS = 9, VOCABULARY = 50;

    @TempDir
    Path folder;

    /** What stands at a position of a sequence, in plain words. */
    private record Element(int id, boolean learnt, int place, int row, int[] lawIds) {}

    private static ShardRow row(RandomGenerator random, boolean laws) {
        int n = 2 + random.nextInt(T - 1), pictures = random.nextInt(3);
        int[] ids = random.ints(n, 0, VOCABULARY).toArray();
        byte[] mask = new byte[n];
        int from = 1 + random.nextInt(n - 1);
        for (int i = from; i < n; i++) mask[i] = (byte) random.nextInt(2);
        List<String> names = new ArrayList<>();
        for (int k = 0; k < pictures; k++) {
            int at = 1 + random.nextInt(n - 1);
            if (ids[at] < 0) continue;
            ids[at] = Picture.placeholder(names.size());
            mask[at] = 0;
            names.add("p" + random.nextInt(100));
        }
        int lawsFrom = random.nextInt(n);
        int[] lawIds = random.ints((long) (n - lawsFrom) * K, 0, VOCABULARY).toArray();
        float[] logs = new float[lawIds.length];
        for (int i = 0; i < logs.length; i++) logs[i] = -random.nextInt(64) / 4f;
        TopLaws kept = laws ? new TopLaws(K, lawIds, logs) : TopLaws.NONE;
        return new ShardRow(ids, mask, "d", 1, lawsFrom, kept, names);
    }

    private List<ShardRow> write(RandomGenerator random, boolean laws) throws Exception {
        List<ShardRow> rows = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) rows.add(row(random, laws));
        Path file = folder.resolve(ShardFolder.name(0));
        var shard = ShardFolder.shard(file, T, "t", laws ? K : 0, true, rows.iterator());
        ShardManifest.of("t", VOCABULARY, T, List.of(shard), Map.of(), Map.of()).write(folder);
        return rows;
    }

    private static List<Element> elements(ShardRow row, int n, boolean laws) {
        List<Element> all = new ArrayList<>();
        for (int q = 0; q < row.tokens().length; q++) {
            int id = row.tokens()[q];
            if (id >= 0) {
                int[] law = {-1, -1};
                if (laws && q >= row.lawsFrom()) {
                    for (int k = 0; k < K; k++) law[k] = row.laws().ids()[(q - row.lawsFrom()) * K + k];
                }
                all.add(new Element(id, row.mask()[q] == 1, q, 0, law));
                continue;
            }
            // The k-th picture's rows are the k-th N of all.
            for (int i = 0; i < n; i++) {
                all.add(new Element(-1 - ((-1 - id) * n + i), false, q, i, new int[] {-1, -1}));
            }
        }
        return all;
    }

    private static void check(Batch batch, int sequence, ShardRow row, int n, boolean laws) {
        List<Element> all = elements(row, n, laws);
        int time = batch.time();
        assertThat(all.size()).isLessThanOrEqualTo(time);
        BatchPictures.Text text = batch.pictures().orElseThrow().texts().get(sequence);
        assertThat(text.ids()).isEqualTo(row.tokens());
        assertThat(text.pictures()).extracting(Picture::id).isEqualTo(row.pictures());
        for (int p = 0; p < time; p++) {
            int i = sequence * time + p;
            String where = "sequence " + sequence + ", position " + p;
            Element here = p < all.size() ? all.get(p) : null, next = p + 1 < all.size() ? all.get(p + 1) : null;
            assertThat(batch.tokens()[i]).as(where).isEqualTo(here == null ? 0 : here.id);
            assertThat(batch.counted()[i]).as(where).isEqualTo((byte) (next != null && next.learnt ? 1 : 0));
            if (next != null) assertThat(batch.labels()[i]).as(where).isEqualTo(Math.max(-1, next.id));
            int place = next == null ? row.tokens().length - 1 : next.row > 0 ? next.place : next.place - 1;
            assertThat(text.places()[p]).as(where).isEqualTo(place);
            if (!laws) continue;
            for (int k = 0; k < K; k++) {
                int expected = here == null ? -1 : here.lawIds[k];
                assertThat(batch.laws().orElseThrow().ids()[i * K + k])
                        .as(where)
                        .isEqualTo(expected);
            }
        }
        long learnt = all.stream().skip(1).filter(e -> e.learnt).count();
        assertThat(batch.part(sequence, sequence + 1).count()).isEqualTo(learnt);
    }

    @Test
    void rowsAreTheirElementsOneByOne() {
        Seeds.run(20, random -> {
            boolean laws = random.nextBoolean();
            List<ShardRow> rows = write(random, laws);
            Shuffle order = new Shuffle(ROWS, 3);
            try (Shards shards = Shards.open(folder)) {
                for (int n : new int[] {0, 1, 3}) {
                    RowPictures pictures = new RowPictures(TestPictures::named, n, 1000);
                    Batch all = Source.Rows.of(shards, pictures).read(0, ROWS);
                    Batch some = Source.Rows.of(shards, order, pictures).read(4, 3);
                    if (all.pictures().isEmpty()) continue;
                    for (int r = 0; r < ROWS; r++) check(all, r, rows.get(r), n, laws);
                    for (int r = 0; r < 3 && some.pictures().isPresent(); r++) {
                        check(some, r, rows.get((int) order.row(4 + r)), n, laws);
                    }
                    shown(all, n);
                }
            }
        });
    }

    private static void shown(Batch batch, int n) {
        for (int s = 0; s < batch.sequences(); s++) {
            BatchPictures.Text text = batch.pictures().orElseThrow().texts().get(s);
            assertThat(batch.shown(s)).isEqualTo(n == 0 ? List.of() : text.pictures());
        }
    }

    /** Whatever counts comes by once, with the same place of the same text; pictures behind it are not shown. */
    @Test
    void passesKeepTextsAndPlaces() {
        Seeds.run(20, random -> {
            write(random, true);
            int n = random.nextInt(4);
            try (Shards shards = Shards.open(folder)) {
                Batch all = Source.Rows.of(shards, new RowPictures(TestPictures::named, n, 1000))
                        .read(0, ROWS);
                if (all.pictures().isEmpty()) return;
                long counted = 0;
                for (Batch pass : all.passes(1 + random.nextInt(4))) {
                    counted += pass.count();
                    for (int s = 0; s < pass.sequences(); s++) samePlaces(all, pass, s, n);
                }
                assertThat(counted).isEqualTo(all.count());
            }
        });
    }

    private static void samePlaces(Batch all, Batch pass, int s, int n) {
        BatchPictures.Text text = pass.pictures().orElseThrow().texts().get(s);
        int whole = 0;
        while (all.pictures().orElseThrow().texts().get(whole).ids() != text.ids()) whole++;
        int pictures = 0;
        for (int p = 0; p < pass.time(); p++) {
            assertThat(pass.tokens()[s * pass.time() + p]).isEqualTo(all.tokens()[whole * all.time() + p]);
            assertThat(text.places()[p])
                    .isEqualTo(all.pictures().orElseThrow().texts().get(whole).places()[p]);
            int id = pass.tokens()[s * pass.time() + p];
            if (id < 0) pictures = Math.max(pictures, (-1 - id) / n + 1);
        }
        assertThat(pass.shown(s)).hasSize(pictures);
    }

    @Test
    void rowsWithoutPicturesAreAsEver() throws Exception {
        ShardRow plain = new ShardRow(new int[] {3, 4, 5}, new byte[] {0, 1, 1}, "d");
        ShardFolder.write(folder, "t", VOCABULARY, T, 10, List.of(plain, plain));
        try (Shards shards = Shards.open(folder)) {
            Batch with = Source.Rows.of(shards, new RowPictures(TestPictures::named, 5, 4))
                    .read(0, 2);
            Batch without = Source.Rows.of(shards).read(0, 2);
            assertThat(with).usingRecursiveComparison().isEqualTo(without);
        }
    }

    @Test
    void whatIsLearntMustFitAndTheRestIsCut() throws Exception {
        byte[] mask = {0, 0, 1, 0, 0};
        ShardRow row = new ShardRow(new int[] {3, -1, 5, -2, 7}, mask, "the document").with(List.of("a", "b"));
        ShardFolder.write(folder, "t", VOCABULARY, T, 10, List.of(row));
        try (Shards shards = Shards.open(folder)) {
            Batch cut = Source.Rows.of(shards, new RowPictures(TestPictures::named, 4, 8))
                    .read(0, 1);
            assertThat(cut.time()).isEqualTo(8);
            assertThat(cut.tokens()).containsExactly(3, -1, -2, -3, -4, 5, -5, -6);
            assertThat(cut.counted()).containsExactly(0, 0, 0, 0, 1, 0, 0, 0);
            assertThat(cut.pictures().orElseThrow().texts().getFirst().places())
                    .containsExactly(0, 1, 1, 1, 1, 2, 3, 3);
            assertThatThrownBy(() -> Source.Rows.of(shards, new RowPictures(TestPictures::named, 4, 5))
                            .read(0, 1))
                    .isInstanceOfSatisfying(
                            Failure.class, f -> assertThat(f.exitCode()).isEqualTo(2))
                    .hasMessageContaining("the document")
                    .hasMessageContaining("6 positions, 4 of them for each of its 2 pictures")
                    .hasMessageContaining("at most 5");
        }
    }

    @Test
    void picturesThatNobodyGaveAreAsked() throws Exception {
        ShardRow row = new ShardRow(new int[] {3, -1, 5}, new byte[] {0, 0, 1}, "d").with(List.of("a"));
        ShardFolder.write(folder, "t", VOCABULARY, T, 10, List.of(row));
        try (Shards shards = Shards.open(folder)) {
            assertThatThrownBy(() -> Source.Rows.of(shards).read(0, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("1 pictures");
        }
    }
}
