package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.SeeingModels;
import dev.outrider.checkpoints.Vision;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ids and rows of pictures that come and go; batches of towers and projectors of every kind. */
class PictureBankTest {
    private static final int VOCABULARY = 50, CAPACITY = 160;

    @TempDir
    Path folder;

    private final List<AutoCloseable> opened = new ArrayList<>();
    private CpuDevice device;
    private LlamaWeights weights;
    private ClipConfig tower;
    private Eyes eyes;

    private record Pixels(String id, float[] pixels) implements Picture {}

    private void open(RandomGenerator random) {
        device = opened(new CpuDevice(2));
        ModelConfig language = ModelConfig.draft(VOCABULARY, 24, 40, 2, 2, 2 * CAPACITY, 1, 2);
        tower = SeeingModels.tower(random);
        Path written = folder.resolve("" + random.nextLong());
        SeeingModels.whole(written, language, tower, random);
        Checkpoint checkpoint = opened(Checkpoint.open(written));
        weights = opened(LlamaWeights.load(device, checkpoint));
        Vision vision = checkpoint.vision().orElseThrow();
        eyes = new Eyes(vision, opened(Sight.of(device, vision, 2)));
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : opened.reversed()) one.close();
        opened.clear();
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    private List<Picture> pictures(int count, RandomGenerator random) {
        return IntStream.range(0, count)
                .mapToObj(i -> (Picture) new Pixels("picture " + i, Seeds.normal(random, tower.pictureValues(), 1)))
                .toList();
    }

    private PictureBank bank(int places, int most, int ids) {
        return new PictureBank(device, eyes, places, most, ids);
    }

    private static int[] prompt(int pictures) {
        return IntStream.concat(IntStream.of(1, 5), IntStream.range(0, pictures).map(Picture::placeholder))
                .toArray();
    }

    /** Whatever comes and goes: ids of one picture are one picture's rows, and what is in use stays. */
    @Test
    void idsAreOnePicturesForEver() {
        Seeds.run(6, random -> {
            open(random);
            int n = eyes.vision().config().rows(tower), c = 24, places = 5, most = 3;
            List<Picture> all = pictures(9, random);
            float[][] rows = all.stream().map(p -> projected(p, n * c)).toArray(float[][]::new);
            PictureBank bank = opened(bank(places, most, Integer.MAX_VALUE));
            String[] names = new String[400 * places * n];
            Map<Integer, float[]> inUse = new HashMap<>();
            for (int round = 0; round < 200; round++) {
                List<Picture> some = random.ints(0, 9)
                        .distinct()
                        .limit(most)
                        .mapToObj(all::get)
                        .toList();
                if (!bank.hasRoom(most)) {
                    bank.release();
                    inUse.clear();
                }
                int[] own = bank.own(prompt(most), some);
                assertThat(own).hasSize(2 + most * n).startsWith(1, 5);
                assertThat(bank.rows(prompt(most))).isEqualTo(own.length);
                for (int i = 2; i < own.length; i++) {
                    String name = some.get((i - 2) / n).id() + ", row " + (i - 2) % n;
                    int at = -1 - own[i];
                    assertThat(names[at] == null ? name : names[at]).isEqualTo(name);
                    names[at] = name;
                    float[] whole = rows[all.indexOf(some.get((i - 2) / n))];
                    inUse.put(own[i], Arrays.copyOfRange(whole, (i - 2) % n * c, ((i - 2) % n + 1) * c));
                }
                inUse.forEach((id, row) -> assertThat(row(bank, id, c)).isEqualTo(row));
            }
            close();
        });
    }

    private float[] row(PictureBank bank, int id, int c) {
        float[] row = new float[c];
        device.download(bank.rows().slice((long) ((-1 - id) % bank.count()) * c, c), row, 0, c);
        return row;
    }

    private float[] projected(Picture picture, int values) {
        float[] rows = new float[values];
        try (Projector projector = new Projector(device, eyes)) {
            Buffer into = device.allocate(DType.F32, values);
            projector.apply(eyes.sight().features(picture), into);
            device.download(into, rows, 0, values);
            device.free(into);
        }
        return rows;
    }

    @Test
    void aPictureThatIsKeptHasTheSameIdsInEveryText() {
        open(Seeds.generator(2));
        PictureBank bank = opened(bank(4, 2, Integer.MAX_VALUE));
        List<Picture> all = pictures(5, Seeds.generator(3));
        int[] first = bank.own(prompt(1), all.subList(0, 1));
        bank.own(prompt(1), all.subList(1, 2));
        bank.release();
        assertThat(bank.own(prompt(1), all.subList(0, 1))).isEqualTo(first);
        // The one that was asked for last stays the longest.
        for (int i = 2; i < 5; i++) {
            bank.release();
            bank.own(prompt(1), all.subList(i, i + 1));
        }
        bank.release();
        assertThat(bank.own(prompt(1), all.subList(0, 1))).isEqualTo(first);
        assertThat(bank.own(prompt(1), all.subList(1, 2))).doesNotContain(Arrays.copyOfRange(first, 2, first.length));
    }

    @Test
    void whatCannotBeKeptIsRefused() {
        open(Seeds.generator(4));
        PictureBank bank = opened(bank(4, 2, Integer.MAX_VALUE));
        List<Picture> three = pictures(3, Seeds.generator(5));
        assertThat(bank.wanted(new int[] {1, -1, -2, -1}, three)).isEqualTo(2);
        assertThatThrownBy(() -> bank.wanted(prompt(3), three))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("3 different", "at most 2");
        assertThatThrownBy(() -> bank.wanted(prompt(3), three.subList(0, 2)))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("picture 3", "2 pictures");
        bank.own(prompt(2), three);
        assertThat(bank.hasRoom(2)).isTrue();
        assertThat(bank.hasRoom(3)).isFalse();
    }

    /** Two slots, one place more; after two others, a third picture has the ids of a text that a slot still holds. */
    @Test
    void idsThatComeAgainAreNotTakenForWhatTheyWere() {
        Seeds.run(6, random -> {
            open(random);
            int n = eyes.vision().config().rows(tower);
            PictureBank bank = bank(3, 1, 2 * 3 * n);
            LlamaBatch few = opened(new LlamaBatch(device, weights, bank, 2, CAPACITY));
            LlamaBatch many = opened(new LlamaBatch(device, weights, bank(3, 1, Integer.MAX_VALUE), 2, CAPACITY));
            int[] prompt = {1, 7, Picture.placeholder(0), 9, 11};
            List<Picture> four = pictures(4, random);
            for (int i = 0; i < 4; i++) {
                List<Picture> one = List.of(four.get(i));
                assertThat(logits(few, Math.min(i, 1), prompt, one))
                        .as("picture %d", i)
                        .isEqualTo(logits(many, Math.min(i, 1), prompt, one));
            }
            assertThat(few.tokensShared()).isZero();
            assertThat(Arrays.stream(bank.own(prompt, four.subList(3, 4))).min().orElseThrow())
                    .as("the lowest id, of those that there are")
                    .isGreaterThanOrEqualTo(-2 * 3 * n);
            close();
        });
    }

    /** A row that the next step reads stays where it is, however many pictures come before that step. */
    @Test
    void aPictureAtTheEndStaysUntilItIsRead() {
        Seeds.run(6, random -> {
            open(random);
            LlamaBatch batch = opened(new LlamaBatch(device, weights, bank(3, 1, Integer.MAX_VALUE), 2, CAPACITY));
            List<Picture> all = pictures(8, random);
            int[] prompt = {1, 7, 3, 4, 5, Picture.placeholder(0)};
            float[] expected = logits(batch, 0, prompt, all.subList(0, 1));
            int last = batch.begin(0, prompt, all.subList(0, 1));
            for (int i = 1; i < 8; i++) {
                batch.begin(1, prompt, all.subList(i, i + 1));
                batch.read();
            }
            batch.clear(1);
            assertThat(step(batch, 0, last)).isEqualTo(expected);
            close();
        });
    }

    private static float[] logits(LlamaBatch batch, int slot, int[] prompt, List<Picture> pictures) {
        return step(batch, slot, batch.begin(slot, prompt, pictures));
    }

    private static float[] step(LlamaBatch batch, int slot, int token) {
        int[] next = {LlamaBatch.IDLE, LlamaBatch.IDLE};
        next[slot] = token;
        float[] row = new float[VOCABULARY];
        batch.step(next);
        batch.logits(slot, row);
        return row;
    }

    @Test
    void featuresOfAnotherWidthAreRefused() {
        open(Seeds.generator(8));
        Features wider = new Features() {
            @Override
            public int rows() {
                return eyes.sight().rows();
            }

            @Override
            public int channels() {
                return eyes.sight().channels() + 1;
            }

            @Override
            public int grid() {
                return eyes.sight().grid();
            }

            @Override
            public void of(Picture picture, Buffer into) {}

            @Override
            public void close() {}
        };
        Sight other = opened(new Sight(device, wider, 1));
        assertThatThrownBy(() -> new Eyes(eyes.vision(), other))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(wider.channels() + " channels");
    }
}
