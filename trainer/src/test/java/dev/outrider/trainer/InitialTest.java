package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.trainer.layer.LayerCut;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.CrossEntropy;
import dev.outrider.trainer.optim.Schedule;
import dev.outrider.trainer.telemetry.Metrics;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Where drafts begin: at random, from a checkpoint, from layers of the target; and what becomes of every shape. */
final class InitialTest {
    private static final int TIME = 20;
    private static CpuDevice device;

    @TempDir
    Path folder;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    // ---- layers out of the target -----------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.Shapes#all")
    void allLayersAreTheTargetItself(ModelConfig shape) {
        Path target = Shapes.write(folder.resolve("target"), shape, device, DType.BF16, 1);
        int[] ids = Shapes.ids(Seeds.generator(2), TIME);
        try (LlamaGraph draft = new Initial.LayersOf(target, LayerCut.first(shape.layers())).graph(device);
                Llama whole = Llama.open(target, device, TIME)) {
            close(Shapes.logits(draft, ids), decoded(whole, ids));
            assertThat(draft.config()).isEqualTo(shape);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.Shapes#all")
    void chosenLayersAreTheTargetWithTheseAlone(ModelConfig shape) {
        Path target = Shapes.write(folder.resolve("target"), shape, device, DType.F16, 3);
        for (List<Integer> layers : List.of(List.of(0, 4), List.of(3), List.of(1, 2, 4))) {
            int[] ids = Shapes.ids(Seeds.generator(4), TIME);
            Initial initial = new Initial.LayersOf(target, layers);
            try (LlamaGraph draft = initial.graph(device);
                    Checkpoint checkpoint = Checkpoint.open(target)) {
                double[][] expected = new ScalarLlama(checkpoint, layers).logits(ids);
                close(Shapes.logits(draft, ids), flat(expected));
                assertThat(draft.config()).isEqualTo(initial.config());
            }
        }
    }

    /** Tied or not, its logits are the target's own columns. */
    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.Shapes#all")
    void aPrunedHeadTakesTheRowsOfItsTokens(ModelConfig shape) {
        Path target = Shapes.write(folder.resolve("target"), shape, device, DType.BF16, 5);
        DraftVocabulary outputs = new DraftVocabulary(shape.vocabSize(), new int[] {0, 2, 9, shape.vocabSize() - 1, 4});
        int[] ids = Shapes.ids(Seeds.generator(6), TIME);
        Initial initial = new Initial.LayersOf(target, List.of(1, 3), Optional.of(outputs));
        try (LlamaGraph draft = initial.graph(device);
                LlamaGraph whole = new Initial.LayersOf(target, List.of(1, 3)).graph(device)) {
            assertThat(draft.outputs()).contains(outputs);
            assertThat(draft.config()).isEqualTo(initial.config());
            float[] all = Shapes.logits(whole, ids), some = Shapes.logits(draft, ids);
            double[] expected = new double[TIME * 5];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = all[i / 5 * shape.vocabSize() + outputs.target(i % 5)];
            }
            close(some, expected);
        }
    }

    @Test
    void theCutInheritsEverythingButTheDepth() {
        Shapes.all().forEach(shape -> {
            Path target = Shapes.write(folder.resolve("target"), shape, device, DType.BF16, 1);
            ModelConfig cut = new Initial.LayersOf(target, List.of(0, 3)).config();
            assertThat(cut.layers()).isEqualTo(2);
            assertThat(cut).usingRecursiveComparison().ignoringFields("layers").isEqualTo(shape);
        });
    }

    @Test
    void refusesLayersThatThereAreNot() {
        ModelConfig shape = Shapes.all().findFirst().orElseThrow();
        Path target = Shapes.write(folder.resolve("target"), shape, device, DType.F32, 1);
        for (List<Integer> layers :
                List.of(List.of(0, 5), List.of(-1), List.of(2, 1), List.of(1, 1), List.<Integer>of())) {
            assertThatThrownBy(() -> new Initial.LayersOf(target, layers).graph(device))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("found " + layers)
                    .hasMessageContaining("from 0 to 4");
        }
    }

    @Test
    void firstAndEvenlySpacedLayers() {
        assertThat(LayerCut.first(3)).containsExactly(0, 1, 2);
        assertThat(LayerCut.evenly(1, 30)).containsExactly(0);
        assertThat(LayerCut.evenly(2, 30)).containsExactly(0, 29);
        assertThat(LayerCut.evenly(4, 30)).containsExactly(0, 10, 19, 29);
        assertThat(LayerCut.evenly(5, 5)).containsExactly(0, 1, 2, 3, 4);
    }

    // ---- warm start -------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.Shapes#all")
    void aWarmStartHasTheWeightsAndNothingElse(ModelConfig shape) {
        Map<String, float[]> trained;
        try (LlamaGraph graph = new Initial.Scratch(shape, 1).graph(device);
                Trainer trainer = trainer(graph, "first", 6);
                Interruption never = new Interruption()) {
            Trainer.Outcome outcome = trainer.train("t", trainer.resume(), never);
            assertThat(outcome.step()).isEqualTo(6);
            trained = weights(graph);
        }
        Path last = folder.resolve("first/checkpoints/step-00000006");
        try (LlamaGraph graph = new Initial.From(last, Optional.of(shape)).graph(device);
                Trainer warm = trainer(graph, "second", 6)) {
            same(weights(graph), trained);
            assertThat(warm.resume()).isZero();
            Map<String, Double> first = warm.step(0);
            assertThat(first.get("rate")).isEqualTo(options(6).schedule().rate(0));
        }
        Map<String, float[]> warm = steppedFrom(last, "third"), fresh = steppedFrom(exported(last, shape), "fourth");
        same(warm, fresh);
    }

    // The same weights without the run's moments beside them lead to the same next step.
    private Path exported(Path checkpoint, ModelConfig shape) {
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            List<Tensor> tensors = open.names().stream().map(open::tensor).toList();
            HuggingFace.write(folder.resolve("export"), shape, tensors, Optional.empty(), Optional.empty());
        }
        return folder.resolve("export");
    }

    private Map<String, float[]> steppedFrom(Path checkpoint, String run) {
        try (LlamaGraph graph = new Initial.From(checkpoint, Optional.empty()).graph(device);
                Trainer trainer = trainer(graph, run, 6)) {
            trainer.step(0);
            return weights(graph);
        }
    }

    @Test
    void aWarmStartOfAnotherShapeIsRefusedByName() {
        List<ModelConfig> shapes = Shapes.all().toList();
        Path checkpoint = Shapes.write(folder.resolve("model"), shapes.get(0), device, DType.F32, 1);
        Initial.From wrong = new Initial.From(checkpoint, Optional.of(shapes.get(1)));
        assertThatThrownBy(() -> wrong.graph(device))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(checkpoint.toString())
                .hasMessageContaining("found heads 3, kvHeads 1, headDim 8, rmsNormEps 1.0E-5, ropeTheta 100000.0,")
                .hasMessageContaining("expected heads 4, kvHeads 2, headDim 10, rmsNormEps 1.0E-6, ropeTheta 500000.0,")
                .hasMessageContaining("Llama3[factor=8.0")
                .hasMessageContaining("tiedEmbeddings true");
        assertThatThrownBy(wrong::config).isInstanceOf(Failure.class);
    }

    // ---- every shape, all the way -----------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.Shapes#all")
    void aCutIsTrainedSavedResumedAndDecoded(ModelConfig shape) {
        Path target = Shapes.write(folder.resolve("target"), shape, device, DType.BF16, 5);
        Initial initial = new Initial.LayersOf(target, List.of(1, 4));
        Map<String, float[]> whole = trained(initial, "whole", 8, 8);
        trained(initial, "parts", 8, 3);
        same(trained(initial, "parts", 8, 8), whole);
        int[] ids = Shapes.ids(Seeds.generator(6), TIME);
        Path last = folder.resolve("parts/checkpoints/step-00000008");
        try (LlamaGraph graph = new Initial.From(last, Optional.of(initial.config())).graph(device);
                Llama decoder = Llama.open(last, device, TIME);
                Checkpoint checkpoint = Checkpoint.open(last)) {
            float[] found = Shapes.logits(graph, ids);
            close(found, decoded(decoder, ids));
            close(found, flat(new ScalarLlama(checkpoint, List.of(0, 1)).logits(ids)));
        }
    }

    /** Trains up to step {@code stop} of {@code steps}, going on from what the run has. */
    private Map<String, float[]> trained(Initial initial, String run, int steps, int stop) {
        Interruption interruption = new Interruption();
        try (LlamaGraph graph = initial.graph(device);
                Trainer trainer = trainer(graph, run, steps, step -> {
                    if (step + 1 == stop) interruption.request();
                })) {
            assertThat(trainer.train("t", trainer.resume(), interruption).step())
                    .isEqualTo(stop);
            return weights(graph);
        } finally {
            interruption.close();
        }
    }

    // ---- what they share --------------------------------------------------------------------------

    private static TrainerOptions options(int steps) {
        Schedule schedule = new Schedule(Schedule.Shape.COSINE, 1e-2, 2, 8, 0.1);
        return new TrainerOptions(steps, 4, 2, schedule, 0.9, 0.95, 1e-8, 0.1, 1, 0, 7, 0, 0, 2, 0);
    }

    private Trainer trainer(LlamaGraph graph, String run, int steps) {
        return trainer(graph, run, steps, step -> {});
    }

    private Trainer trainer(LlamaGraph graph, String run, int steps, LongConsumer read) {
        Provenance provenance = Provenance.now("test", "", 7, "", "");
        Source.Rows rows = (from, count) -> {
            read.accept(from / 4);
            return rows(from, count);
        };
        return new Trainer(
                graph,
                options(steps),
                List.of(new Source("text", rows, new CrossEntropy(device.threads()), 1)),
                Optional.empty(),
                new TrainerStore(folder.resolve(run), 2, Optional.empty(), provenance),
                Metrics.none(),
                new PrintStream(OutputStream.nullOutputStream()));
    }

    private static Batch rows(long from, int count) {
        int[] tokens = new int[count * TIME];
        for (int r = 0; r < count; r++) {
            System.arraycopy(Shapes.ids(Seeds.generator(from + r), TIME), 0, tokens, r * TIME, TIME);
        }
        byte[] all = new byte[tokens.length];
        Arrays.fill(all, (byte) 1);
        return Batch.nextToken(count, TIME, tokens, all);
    }

    private static Map<String, float[]> weights(LlamaGraph graph) {
        return graph.tensors().stream().collect(Collectors.toMap(Tensor::name, Tensor::floats));
    }

    private static void same(Map<String, float[]> found, Map<String, float[]> expected) {
        assertThat(found.keySet()).isEqualTo(expected.keySet());
        found.forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
    }

    private static double[] decoded(Llama model, int[] ids) {
        model.read(ids, 0, ids.length, ids.length);
        List<double[]> rows = new ArrayList<>();
        float[] row = new float[model.vocabulary()];
        for (int r = 0; r < ids.length; r++) {
            model.logits(r, row);
            double[] one = new double[row.length];
            for (int i = 0; i < one.length; i++) one[i] = row[i];
            rows.add(one);
        }
        return flat(rows.toArray(double[][]::new));
    }

    private static double[] flat(double[][] rows) {
        return Arrays.stream(rows).flatMapToDouble(java.util.Arrays::stream).toArray();
    }

    private static void close(float[] found, double[] expected) {
        assertThat(found).hasSize(expected.length);
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i]).as("logit " + i).isCloseTo(expected[i], within(1e-4 * largest));
        }
    }
}
