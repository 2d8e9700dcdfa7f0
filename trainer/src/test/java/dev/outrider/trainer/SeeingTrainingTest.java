package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.data.shard.ShardFolder;
import dev.outrider.data.shard.ShardRow;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.CrossEntropy;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.ForwardKl;
import dev.outrider.trainer.loss.TotalVariation;
import dev.outrider.trainer.loss.TotalVariationPlus;
import dev.outrider.trainer.optim.Schedule;
import dev.outrider.trainer.telemetry.Metrics;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Drafts that see, all the way: adapter alone, then all; saved, resumed, exported, decoded. */
class SeeingTrainingTest {
    private static final int GRID = 2, TOWER = 8, HIDDEN = 16, BATCH = 4, LONGEST = 100;
    private static final ModelConfig SHAPE = SmallLlava.language(HIDDEN);

    @TempDir
    Path folder;

    private CpuDevice device;
    private Sight sight;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
        sight = TestPictures.sight(device, GRID, TOWER, 3);
    }

    @AfterEach
    void close() {
        sight.close();
        device.close();
    }

    private LlamaGraph draft(long seed) {
        VisionConfig vision = TestPictures.plain(TOWER, HIDDEN);
        LlamaGraph graph =
                new Initial.Seeing(new Initial.Scratch(SHAPE, seed), vision, Optional.empty(), seed).graph(device);
        graph.look(sight);
        return graph;
    }

    /** Rows of texts with up to two pictures each, from a seed by position. */
    private Source.Rows rows(int pictureRows) {
        return (from, count) -> {
            List<Expansion.Text> texts = new ArrayList<>();
            for (long r = from; r < from + count; r++) {
                RandomGenerator random = Seeds.generator(r);
                int[] ids = SmallLlava.text(random, 8 + random.nextInt(8), random.nextInt(3));
                byte[] learnt = new byte[ids.length];
                for (int i = 4; i < ids.length; i++) learnt[i] = (byte) (ids[i] < 0 ? 0 : 1);
                int shown = (int) Arrays.stream(ids).filter(id -> id < 0).count();
                texts.add(new Expansion.Text("row " + r, ids, learnt, null, TestPictures.of(random, shown)));
            }
            return Expansion.of(texts, pictureRows, LONGEST, 0);
        };
    }

    private Trainer trainer(LlamaGraph graph, String run, Source source, int steps, double rate) {
        Schedule schedule = new Schedule(Schedule.Shape.COSINE, rate, 2, steps, 0.1);
        return new Trainer(
                graph,
                new TrainerOptions(steps, BATCH, 2, schedule, 0.9, 0.95, 1e-8, 0.1, 1, 0, 7, 0, 0, 2, 0),
                List.of(source),
                Optional.empty(),
                new TrainerStore(folder.resolve(run), 2, Optional.empty(), Provenance.now("test", "", 7, "", "")),
                Metrics.none(),
                new PrintStream(OutputStream.nullOutputStream()));
    }

    private static Map<String, float[]> language(LlamaGraph graph) {
        return graph.tensors().stream().collect(Collectors.toMap(Tensor::name, Tensor::floats));
    }

    private static Map<String, float[]> adapter(LlamaGraph graph) {
        return graph.adapter().stream().collect(Collectors.toMap(Tensor::name, Tensor::floats));
    }

    private static void same(Map<String, float[]> found, Map<String, float[]> expected) {
        assertThat(found.keySet()).isEqualTo(expected.keySet());
        found.forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
    }

    // ---- frozen, resumed --------------------------------------------------------------------------

    /** Two runs, the second from where the first ended: the adapter alone, then all. Weights of language and adapter. */
    private List<Map<String, float[]>> trained(String name, int... stops) {
        List<Map<String, float[]>> after = new ArrayList<>();
        for (boolean frozen : new boolean[] {true, false}) {
            for (int stop : stops) {
                Interruption interruption = new Interruption();
                Path first = folder.resolve(name + "true/checkpoints/step-00000006");
                try (LlamaGraph graph =
                                frozen ? draft(stop + 3) : new Initial.From(first, Optional.of(SHAPE)).graph(device);
                        LlamaGraph begin = draft(5)) {
                    graph.look(sight);
                    // A resumed run takes everything from its checkpoint, but for what the first part begins with.
                    if (frozen && stop == stops[0]) copy(begin, graph);
                    graph.freezeLanguage(frozen);
                    Source.Rows given = rows(graph.pictureRows());
                    Source.Rows rows = (from, count) -> {
                        if (from / BATCH + 1 == stop) interruption.request();
                        return given.read(from, count);
                    };
                    Source source = new Source("text", rows, new CrossEntropy(device.threads()), 1);
                    try (Trainer trainer = trainer(graph, name + frozen, source, 6, 1e-2)) {
                        assertThat(trainer.train("t", trainer.resume(), interruption)
                                        .step())
                                .isEqualTo(stop);
                    }
                    if (stop == 6) after.addAll(List.of(language(graph), adapter(graph)));
                } finally {
                    interruption.close();
                }
            }
        }
        return after;
    }

    private void copy(LlamaGraph from, LlamaGraph to) {
        device.copy(from.parameters(), to.parameters(), from.parameters().elements());
    }

    @Test
    void resumedEqualsUninterruptedBitForBitFrozenAndNot() {
        List<Map<String, float[]>> whole = trained("whole", 6), parts = trained("parts", 2, 3, 6);
        assertThat(parts).hasSize(4);
        for (int i = 0; i < 4; i++) same(parts.get(i), whole.get(i));
        try (LlamaGraph begin = draft(5)) {
            same(whole.get(0), language(begin));
            assertThat(whole.get(1).get("linear_2.weight"))
                    .isNotEqualTo(adapter(begin).get("linear_2.weight"));
            assertThat(whole.get(2).get("lm_head.weight"))
                    .isNotEqualTo(language(begin).get("lm_head.weight"));
        }
    }

    /** TVD++ scales the gradient after the step's micro-batches; what is frozen has none to scale. */
    @Test
    void aLossThatRescalesLeavesWhatIsFrozen() {
        try (SmallLlava target = new SmallLlava(folder.resolve("target"), device, 12, Seeds.generator(3));
                Teacher teacher = new TargetTeacher(target.blind(), device);
                Distillation loss = new Distillation(device, teacher, new TotalVariationPlus(), 1);
                LlamaGraph graph = draft(1)) {
            Map<String, float[]> before = language(graph), adapter = adapter(graph);
            graph.freezeLanguage(true);
            Source source = new Source("answers", rows(graph.pictureRows()), loss, 1);
            try (Trainer trainer = trainer(graph, "scaled", source, 4, 1e-2)) {
                for (int step = 0; step < 4; step++) {
                    assertThat(trainer.step(step).get("norm")).isPositive().isFinite();
                }
            }
            same(language(graph), before);
            assertThat(adapter(graph).get("linear_1.weight")).isNotEqualTo(adapter.get("linear_1.weight"));
        }
    }

    // ---- learning ---------------------------------------------------------------------------------

    /** The same question of four pictures: the answer is the picture's number. Blind, nobody is below ln 4. */
    private Source.Rows toy(int pictureRows) {
        return (from, count) -> {
            List<Expansion.Text> texts = new ArrayList<>();
            for (long r = from; r < from + count; r++) {
                int kind = Seeds.generator(r).nextInt(4);
                texts.add(new Expansion.Text(
                        "toy",
                        new int[] {1, Picture.placeholder(0), 9, 20 + kind},
                        new byte[] {0, 0, 0, 1},
                        null,
                        List.of(TestPictures.named("kind " + kind))));
            }
            return Expansion.of(texts, pictureRows, LONGEST, 0);
        };
    }

    /** The same with words in the picture's place: what a language model knows before it sees. */
    private static Batch told(long from, int count) {
        int[] tokens = new int[count * 7];
        byte[] learnt = new byte[tokens.length];
        for (int r = 0; r < count; r++) {
            int kind = Seeds.generator(from + r).nextInt(4), word = 10 + kind;
            System.arraycopy(new int[] {1, word, word, word, word, 9, 20 + kind}, 0, tokens, r * 7, 7);
            learnt[r * 7 + 6] = 1;
        }
        return Batch.nextToken(count, 7, tokens, learnt);
    }

    private void learn(LlamaGraph graph, String run, Source.Rows rows, int steps) {
        Source source = new Source("toy", rows, new CrossEntropy(device.threads()), 1);
        try (Trainer trainer = trainer(graph, run, source, steps, 2e-2)) {
            for (int step = 0; step < steps; step++) trainer.step(step);
        }
    }

    private double heldOut(LlamaGraph graph) {
        return graph.evaluate(toy(graph.pictureRows()).read(100_000, 40), new CrossEntropy(device.threads())) / 40;
    }

    @Test
    void anAdapterAloneLearnsWhatOnlyPicturesTell() {
        try (LlamaGraph graph = draft(1);
                LlamaGraph blind = new Initial.Scratch(SHAPE, 1).graph(device)) {
            learn(graph, "told", SeeingTrainingTest::told, 80);
            Map<String, float[]> before = language(graph);
            graph.freezeLanguage(true);
            learn(graph, "toy", toy(graph.pictureRows()), 120);
            same(language(graph), before);
            assertThat(heldOut(graph)).isLessThan(Math.log(4) / 5);
            learn(blind, "blind", toy(0), 80);
            assertThat(heldOut(blind)).as("nobody knows without the picture").isGreaterThan(0.95 * Math.log(4));
        }
    }

    // ---- export -----------------------------------------------------------------------------------

    /** A few steps of distillation from a target that sees; then with the tower in one directory, and without. */
    @Test
    void whatWasTrainedIsDecoded() {
        try (SmallLlava target = new SmallLlava(folder.resolve("target"), device, 12, Seeds.generator(3));
                Teacher teacher = new TargetTeacher(target.seeing(), device);
                Distillation loss = new Distillation(device, teacher, new ForwardKl(), 1)) {
            VisionConfig vision = SmallLlava.vision(12).adapter(HIDDEN, 1, Optional.of("../target"));
            try (LlamaGraph graph =
                    new Initial.Seeing(new Initial.Scratch(SHAPE, 1), vision, Optional.empty(), 1).graph(device)) {
                graph.look(target.sight);
                Source.Rows rows = (from, count) -> real(from, count, graph.pictureRows());
                try (Trainer trainer = trainer(graph, "export", new Source("answers", rows, loss, 1), 5, 1e-2);
                        Interruption never = new Interruption()) {
                    assertThat(trainer.train("t", 0, never).finished()).isTrue();
                }
                whole(graph, target.vision.tower(), folder.resolve("whole"));
                decodesAlike(graph, folder.resolve("whole"), target.sight);
                decodesAlike(graph, folder.resolve("export/checkpoints/step-00000005"), target.sight);
            }
        }
    }

    private static Batch real(long from, int count, int rows) {
        List<Expansion.Text> texts = new ArrayList<>();
        for (long r = from; r < from + count; r++) {
            RandomGenerator random = Seeds.generator(r);
            int[] ids = SmallLlava.text(random, 12, 2);
            byte[] learnt = new byte[12];
            for (int i = 5; i < 12; i++) learnt[i] = (byte) (ids[i] < 0 ? 0 : 1);
            int shown = (int) Arrays.stream(ids).filter(id -> id < 0).count();
            texts.add(new Expansion.Text("r", ids, learnt, null, SmallLlava.pictures(random, shown)));
        }
        return Expansion.of(texts, rows, LONGEST, 0);
    }

    private static void whole(LlamaGraph graph, Tower tower, Path to) {
        VisionConfig eyes = SmallLlava.vision(HIDDEN);
        List<Tensor> tensors = tower.names().stream().map(tower::tensor).toList();
        LlavaFiles.write(
                to,
                graph.config(),
                graph.tensors(),
                new LlavaFiles.Eyes(
                        eyes, graph.adapter(), Optional.of(new LlavaFiles.TowerTensors(SmallLlava.TOWER, tensors))),
                DType.F32,
                Optional.empty(),
                Optional.empty());
    }

    private void decodesAlike(LlamaGraph graph, Path model, Sight sight) {
        int v = SmallLlava.VOCABULARY;
        try (Checkpoint checkpoint = Checkpoint.open(model);
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                Llava decoder = new Llava(
                        device,
                        new Llama(device, weights, SmallLlava.CAPACITY),
                        checkpoint.vision().orElseThrow(),
                        sight)) {
            for (long r = 50; r < 54; r++) {
                Batch batch = real(r, 1, graph.pictureRows());
                BatchPictures.Text text = batch.pictures().orElseThrow().texts().getFirst();
                Buffer out = device.allocate(DType.F32, (long) batch.positions() * v);
                graph.logits(batch, 0, batch.positions(), out);
                float[] expected = new float[(int) out.elements()], found = new float[v];
                device.download(out, expected, 0, expected.length);
                device.free(out);
                decoder.truncate(0);
                decoder.show(text.pictures());
                int[] own = decoder.own(text.ids());
                assertThat(own).isEqualTo(batch.tokens());
                for (int p = 0; p < own.length; p++) {
                    decoder.read(own, p, 1, 1);
                    decoder.logits(0, found);
                    for (int i = 0; i < v; i++) {
                        assertThat(found[i]).as("row %d logit %d", p, i).isCloseTo(expected[p * v + i], within(1e-4f));
                    }
                }
            }
        }
    }

    // ---- validation -------------------------------------------------------------------------------

    @Test
    void heldOutRowsWithPicturesAreMeasured() throws Exception {
        try (SmallLlava target = new SmallLlava(folder.resolve("target"), device, HIDDEN, Seeds.generator(3))) {
            List<ShardRow> rows = new ArrayList<>();
            Map<String, Picture> pictures = new HashMap<>();
            for (long r = 0; r < 7; r++) {
                BatchPictures.Text text =
                        real(r, 1, 0).pictures().orElseThrow().texts().getFirst();
                text.pictures().forEach(p -> pictures.put(p.id(), p));
                byte[] mask = new byte[text.ids().length];
                for (int i = 5; i < mask.length; i++) mask[i] = (byte) (text.ids()[i] < 0 ? 0 : 1);
                rows.add(new ShardRow(text.ids(), mask, "d")
                        .with(text.pictures().stream().map(Picture::id).toList()));
            }
            ShardFolder.write(folder.resolve("shards"), "t", SmallLlava.VOCABULARY, 14, 3, rows);
            try (LlamaGraph graph = LlamaGraph.from(target.checkpoint, device);
                    LlamaGraph blind = new Initial.Scratch(SHAPE, 1).graph(device);
                    Teacher teacher = new TargetTeacher(target.seeing(), device);
                    Distillation loss = new Distillation(device, teacher, new TotalVariation(), 1);
                    Shards shards = Shards.open(folder.resolve("shards"))) {
                graph.look(target.sight);
                RowPictures seen = new RowPictures(pictures::get, graph.pictureRows(), LONGEST);
                Map<String, Double> values = new Validation(shards, loss, 7, 3, Optional.of(seen)).measure(graph);
                assertThat(values.get("valid/acceptance")).isCloseTo(1, within(1e-4));
                assertThat(values.get("valid/tau_greedy_3")).isGreaterThan(2.5);
                RowPictures left = new RowPictures(pictures::get, 0, LONGEST);
                Map<String, Double> other = new Validation(shards, loss, 7, 3, Optional.of(left)).measure(blind);
                assertThat(other.get("valid/acceptance")).isBetween(0.0, 0.9);
            }
        }
    }
}
