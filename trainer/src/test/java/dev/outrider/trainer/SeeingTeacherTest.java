package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.trainer.layer.LayerCut;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.TotalVariation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A target reads in its own way what the draft reads in its own; both mean the same places. */
class SeeingTeacherTest {
    private static final int HIDDEN = 16, LONGEST = 200;

    @TempDir
    Path folder;

    private CpuDevice device;
    private SmallLlava target;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
        target = new SmallLlava(folder.resolve("target"), device, HIDDEN, Seeds.generator(1));
    }

    @AfterEach
    void close() {
        target.close();
        device.close();
    }

    /** Texts of unlike length, all words but the first learnt or not; {@code pictures[s]} of them in text s. */
    private static List<Expansion.Text> texts(RandomGenerator random, int... pictures) {
        List<Expansion.Text> texts = new ArrayList<>();
        for (int count : pictures) {
            int[] ids = SmallLlava.text(random, 6 + random.nextInt(10), count);
            byte[] learnt = new byte[ids.length];
            for (int i = 1; i < ids.length; i++) learnt[i] = (byte) (ids[i] < 0 ? 0 : random.nextInt(3) == 0 ? 0 : 1);
            learnt[ids.length - 1] = (byte) (ids[ids.length - 1] < 0 ? 0 : 1);
            int shown = (int) Arrays.stream(ids).filter(id -> id < 0).count();
            texts.add(new Expansion.Text("text", ids, learnt, null, SmallLlava.pictures(random, shown)));
        }
        return texts;
    }

    // ---- the teacher ------------------------------------------------------------------------------

    /** At the position before a word that is learnt it says what the target says that has read the text up to that word. */
    private void saysWhatTheTargetSays(Teacher teacher, CausalModel model, Batch batch, List<Expansion.Text> texts) {
        teacher.begin(batch);
        Buffer out = device.allocate(DType.F32, (long) batch.positions() * SmallLlava.VOCABULARY);
        teacher.logits(0, batch.positions(), out);
        float[] all = new float[(int) out.elements()], expected = new float[SmallLlava.VOCABULARY];
        device.download(out, all, 0, all.length);
        device.free(out);
        for (int s = 0; s < texts.size(); s++) {
            Expansion.Text text = texts.get(s);
            int p = s * batch.time();
            for (int q = 0; q < text.ids().length; q++) {
                if (text.supervised()[q] == 0) continue;
                while (batch.counted()[p] == 0) p++;
                assertThat(batch.labels()[p]).isEqualTo(text.ids()[q]);
                int[] prefix = model.own(Arrays.copyOf(text.ids(), q));
                model.truncate(0);
                model.show(text.pictures());
                model.read(prefix, 0, prefix.length, 1);
                model.logits(0, expected);
                for (int v = 0; v < expected.length; v++) {
                    assertThat(all[p * expected.length + v])
                            .as("text %d, word %d, logit %d", s, q, v)
                            .isCloseTo(expected[v], within(1e-3f));
                }
                p++;
            }
        }
    }

    @Test
    void whateverTheDraftReads() {
        Seeds.run(6, random -> {
            try (Llava seeing = target.seeing();
                    Llama blind = target.blind();
                    Teacher sees = new TargetTeacher(target.seeing(), device);
                    Teacher sightless = new TargetTeacher(target.blind(), device)) {
                List<Expansion.Text> texts = texts(random, 2, 0, 1, 3);
                // A draft that leaves pictures out, one of as many rows as the target, one of fewer, one of more.
                for (int rows : new int[] {0, seeing.rows(), 1, seeing.rows() + 2}) {
                    Batch batch = Expansion.of(texts, rows, LONGEST, 0);
                    saysWhatTheTargetSays(sees, seeing, batch, texts);
                    saysWhatTheTargetSays(sightless, blind, batch, texts);
                }
            }
        });
    }

    @Test
    void aTextThatTheTargetCannotHoldIsRefused() {
        int[] ids = new int[60];
        Arrays.fill(ids, 5);
        for (int k = 0; k < 9; k++) ids[1 + k] = Picture.placeholder(k);
        byte[] learnt = new byte[60];
        learnt[59] = 1;
        var text = new Expansion.Text("t", ids, learnt, null, SmallLlava.pictures(Seeds.generator(1), 9));
        try (Teacher teacher = new TargetTeacher(target.seeing(), device)) {
            assertThatThrownBy(() -> teacher.begin(Expansion.of(List.of(text), 0, LONGEST, 0)))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("60 tokens and pictures, which are 132 rows")
                    .hasMessageContaining("at most " + SmallLlava.CAPACITY);
        }
    }

    @Test
    void aBlindTargetSaysNothingBeforeItHasReadAWord() {
        var text = new Expansion.Text(
                "t", new int[] {-1, 5}, new byte[] {0, 1}, null, SmallLlava.pictures(Seeds.generator(1), 1));
        Batch batch = Expansion.of(List.of(text), 3, LONGEST, 0);
        try (Teacher teacher = new TargetTeacher(target.blind(), device)) {
            assertThatThrownBy(() -> teacher.begin(batch))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("BOS");
        }
    }

    // ---- against a draft of the same weights -------------------------------------------------------

    private double acceptance(LlamaGraph graph, Batch batch, Distillation loss) {
        double accepted = 0;
        long count = 0;
        for (Batch pass : batch.passes(2)) {
            graph.evaluate(pass, loss);
            accepted += loss.acceptanceSum();
            count += loss.count(pass);
        }
        assertThat(count).isEqualTo(batch.count());
        return accepted / count;
    }

    @Test
    void aDraftOfTheTargetsWeightsIsAlwaysAccepted() {
        try (LlamaGraph graph = LlamaGraph.from(target.checkpoint, device);
                Teacher teacher = new TargetTeacher(target.seeing(), device);
                Distillation loss = new Distillation(device, teacher, new TotalVariation(), 1)) {
            graph.look(target.sight);
            assertThat(graph.pictureRows()).isEqualTo(9);
            Seeds.run(5, random -> {
                for (int[] counts : new int[][] {{0}, {1}, {2}, {2, 0, 1, 1, 3}}) {
                    Batch batch = Expansion.of(texts(random, counts), graph.pictureRows(), LONGEST, 0);
                    assertThat(acceptance(graph, batch, loss)).isCloseTo(1, within(1e-4));
                }
            });
        }
    }

    @Test
    void aBlindDraftAgreesWhereThereIsNoPictureAndElsewhereWithABlindTarget() {
        try (LlamaGraph graph = blindGraph();
                Teacher teacher = new TargetTeacher(target.seeing(), device);
                Teacher sightless = new TargetTeacher(target.blind(), device);
                Distillation loss = new Distillation(device, teacher, new TotalVariation(), 1);
                Distillation without = new Distillation(device, sightless, new TotalVariation(), 1)) {
            Seeds.run(5, random -> {
                Batch plain = Expansion.of(texts(random, 0, 0), 0, LONGEST, 0);
                assertThat(acceptance(graph, plain, loss)).isCloseTo(1, within(1e-4));
                Batch mixed = Expansion.of(texts(random, 2, 0, 1), 0, LONGEST, 0);
                assertThat(acceptance(graph, mixed.part(1, 2), loss)).isCloseTo(1, within(1e-4));
                assertThat(acceptance(graph, mixed, loss)).isLessThan(0.95);
                assertThat(acceptance(graph, mixed, without)).isCloseTo(1, within(1e-4));
            });
        }
    }

    private LlamaGraph blindGraph() {
        var all = LayerCut.first(SmallLlava.language(HIDDEN).layers());
        return new Initial.LayersOf(target.path, all).graph(device);
    }
}
