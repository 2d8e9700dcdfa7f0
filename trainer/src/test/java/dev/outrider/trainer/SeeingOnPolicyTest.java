package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.TotalVariation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Drafts go on with texts that have pictures, by their weights of the moment, seeing and blind. */
class SeeingOnPolicyTest {
    private static final int LONGEST = 120, ROWS = 7;

    @TempDir
    Path folder;

    private CpuDevice device;
    private SmallLlava model;
    private final Map<String, Picture> pictures = new HashMap<>();

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
        model = new SmallLlava(folder.resolve("model"), device, 16, Seeds.generator(1));
    }

    @AfterEach
    void close() {
        model.close();
        device.close();
    }

    private LlamaGraph seeing() {
        LlamaGraph graph = LlamaGraph.from(model.checkpoint, device);
        graph.look(model.sight);
        return graph;
    }

    /** A question with pictures, an answer; in every third row a picture behind the answer as well. */
    private Source.Rows rows(int pictureRows) {
        return (from, count) -> {
            List<Expansion.Text> texts = new ArrayList<>();
            for (long r = from; r < from + count; r++) texts.add(text(r));
            return Expansion.of(texts, pictureRows, LONGEST, 0);
        };
    }

    private Expansion.Text text(long r) {
        RandomGenerator random = Seeds.generator(r);
        int[] question = SmallLlava.text(random, 7, 1 + (int) (r % 2)), ids = Arrays.copyOf(question, 13);
        int count = (int) Arrays.stream(question).filter(id -> id < 0).count();
        byte[] learnt = new byte[13];
        for (int i = 7; i < 12; i++) {
            ids[i] = 3 + random.nextInt(30);
            learnt[i] = 1;
        }
        ids[12] = r % 3 == 0 ? Picture.placeholder(count++) : 5;
        List<Picture> shown = SmallLlava.pictures(random, count).stream()
                .map(p -> pictures.computeIfAbsent("of row " + r + ", " + p.id(), id -> p))
                .toList();
        shown.forEach(p -> pictures.put(p.id(), p));
        return new Expansion.Text("row " + r, ids, learnt, null, shown);
    }

    private OnPolicy onPolicy(LlamaGraph graph, int pictureRows, double share) {
        var settings = new OnPolicy.Settings(share, OnPolicy.Start.WITHIN, Sampling.GREEDY, 4, ROWS, ROWS, 5);
        return new OnPolicy(graph, device, rows(pictureRows), settings, pictures::get);
    }

    /** What counts is the likeliest by the graph's own forward pass over the row. */
    private void greedy(LlamaGraph graph, Batch given, Batch written) {
        int v = SmallLlava.VOCABULARY, time = written.time();
        Buffer out = device.allocate(DType.F32, (long) written.positions() * v);
        graph.logits(written, 0, written.positions(), out);
        float[] logits = new float[(int) out.elements()];
        device.download(out, logits, 0, logits.length);
        device.free(out);
        for (int s = 0; s < written.sequences(); s++) {
            int first = -1;
            for (int p = 0; p < time - 1; p++) {
                int i = s * time + p;
                if (written.counted()[i] == 0) continue;
                if (first < 0) first = p;
                float found = logits[i * v + written.tokens()[i + 1]];
                for (int j = 0; j < v; j++) assertThat(logits[i * v + j]).isLessThanOrEqualTo(found + 1e-4f);
                assertThat(written.labels()[i]).isEqualTo(written.tokens()[i + 1]);
            }
            assertThat(first).isNotNegative();
            assertThat(Arrays.copyOfRange(written.tokens(), s * time, s * time + first + 1))
                    .isEqualTo(Arrays.copyOfRange(given.tokens(), s * time, s * time + first + 1));
        }
    }

    /** The words of the text that count are those of the batch, so that a teacher reads what the draft wrote. */
    private static void sameText(Batch written, int pictureRows) {
        for (int s = 0; s < written.sequences(); s++) {
            BatchPictures.Text text = written.pictures().orElseThrow().texts().get(s);
            int q = 0, time = written.time();
            for (int p = 0; p < time; p++) {
                int i = s * time + p;
                if (written.counted()[i] == 0) continue;
                int place = text.places()[p] + 1;
                assertThat(place).isGreaterThan(q);
                q = place;
                assertThat(text.ids()[place]).isEqualTo(written.labels()[i]);
                assertThat(width(text.ids(), place, pictureRows)).isEqualTo(p + 1);
            }
        }
    }

    private static int width(int[] ids, int count, int rows) {
        return Arrays.stream(ids).limit(count).map(id -> id < 0 ? rows : 1).sum();
    }

    @Test
    void theDraftGoesOnAsItSeesIt() {
        try (LlamaGraph graph = seeing();
                LlamaGraph blind = new Initial.Scratch(SmallLlava.language(16), 3).graph(device)) {
            for (LlamaGraph draft : List.of(graph, blind)) {
                int n = draft.pictureRows();
                try (OnPolicy rows = onPolicy(draft, n, 1)) {
                    Batch written = rows.read(0, ROWS);
                    greedy(draft, rows(n).read(0, ROWS), written);
                    sameText(written, n);
                }
            }
        }
    }

    /** Nothing that was read, projected or kept with older weights is used, however alike the texts begin. */
    @Test
    void otherWeightsReadTheSameBeginningAnew() {
        try (LlamaGraph graph = seeing();
                OnPolicy rows = onPolicy(graph, graph.pictureRows(), 1)) {
            Source.Rows given = rows(graph.pictureRows());
            greedy(graph, given.read(0, ROWS), rows.read(0, ROWS));
            float[] values = new float[(int) graph.parameters().elements()];
            device.download(graph.parameters(), values, 0, values.length);
            RandomGenerator random = Seeds.generator(9);
            for (int i = 0; i < values.length; i++) values[i] += (float) random.nextGaussian() * 0.2f;
            device.upload(values, 0, graph.parameters(), values.length);
            // Rows that begin as those before, all of which are still in some slot.
            greedy(graph, given.read(1, ROWS), rows.read(1, ROWS));
        }
    }

    @Test
    void theTeacherReadsWhatTheDraftWrote() {
        try (LlamaGraph graph = seeing();
                OnPolicy rows = onPolicy(graph, graph.pictureRows(), 0.5);
                Teacher teacher = new TargetTeacher(model.seeing(), device);
                Distillation loss = new Distillation(device, teacher, new TotalVariation(), 1)) {
            Batch written = rows.read(0, ROWS);
            graph.evaluate(written, loss);
            assertThat(loss.acceptanceSum() / written.count()).isCloseTo(1, within(1e-4));
        }
    }

    @Test
    void rowsThatWaitAreSavedWithTheirPictures() {
        Path file = folder.resolve("rows.safetensors");
        try (LlamaGraph graph = seeing();
                OnPolicy rows = onPolicy(graph, graph.pictureRows(), 0.5);
                OnPolicy again = onPolicy(graph, graph.pictureRows(), 0.5)) {
            Batch written = rows.read(0, ROWS);
            rows.save(file);
            again.restore(file);
            device.zero(graph.parameters(), graph.parameters().elements());
            Batch restored = again.read(2, 3);
            assertThat(restored).usingRecursiveComparison().isEqualTo(written.part(2, 5));
            try (OnPolicy blind = new OnPolicy(
                    graph,
                    device,
                    rows(0),
                    new OnPolicy.Settings(1, OnPolicy.Start.ANSWER, Sampling.GREEDY, 4, ROWS, 3, 5))) {
                assertThatThrownBy(() -> blind.restore(file))
                        .isInstanceOf(Failure.class)
                        .hasMessageContaining("no pictures");
            }
        }
    }

    @Test
    void aResumedDraftSeesAsBefore() {
        // What decodes is the adapter in training itself, also after it was begun anew.
        try (LlamaGraph graph = new Initial.Seeing(
                        new Initial.Scratch(SmallLlava.language(16), 3),
                        SmallLlava.vision(16),
                        Optional.of(model.path),
                        0)
                .graph(device)) {
            assertThat(graph.decodingEyes()).isEmpty();
            graph.look(model.sight);
            try (OnPolicy rows = onPolicy(graph, graph.pictureRows(), 1)) {
                greedy(graph, rows(graph.pictureRows()).read(0, ROWS), rows.read(0, ROWS));
            }
        }
    }
}
