package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.TestPictures;
import dev.outrider.trainer.optim.AdamW;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** A graph with an adapter against its reference in double, frozen and not, with pictures and without. */
final class SeeingGraphTest {
    private static final int GRID = 3, TOWER = 7;
    private static final ModelConfig SMALL = Models.of(4, 2, 8, new RopeScaling.None(), false, false, false);
    /** Of the largest value: float32 through two blocks and back, against double. */
    private static final double FLOAT = 5e-5;

    private static Device device;
    private static Sight sight;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
        sight = TestPictures.sight(device, GRID, TOWER, 2);
    }

    @AfterAll
    static void close() {
        sight.close();
        device.close();
    }

    private static VisionConfig vision(ModelConfig config, RandomGenerator random) {
        return TestPictures.vision(
                TOWER,
                config.hiddenSize(),
                1 + random.nextInt(3),
                Gelu.values()[random.nextInt(2)],
                random.nextBoolean(),
                random.nextBoolean(),
                1 + random.nextInt(2));
    }

    private static LlamaGraph graph(ModelConfig config, VisionConfig vision, RandomGenerator random) {
        LlamaGraph graph = LlamaGraph.create(config, Optional.empty(), vision, device, random.nextLong());
        float[] values = floats(graph.parameters());
        for (int i = 0; i < values.length; i++) values[i] = values[i] * 4 + (float) random.nextGaussian() * 0.1f;
        device.upload(values, 0, graph.parameters(), values.length);
        graph.look(sight);
        return graph;
    }

    private static Batch batch(LlamaGraph graph, RandomGenerator random, int sequences, int time, int pictures) {
        return TestPictures.batch(random, graph.config().vocabSize(), sequences, time, graph.pictureRows(), pictures);
    }

    // ---- gradients --------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void lossLogitsAndGradientsAreTheReferences(ModelConfig config) {
        Seeds.run(4, random -> {
            try (LlamaGraph graph = graph(config, vision(config, random), random)) {
                Batch batch = batch(graph, random, 3, 9, 2);
                var reference = new LlamaReference(graph, DataType.DOUBLE);
                var loss = new CrossEntropyOfTests();
                INDArray logits = forward(reference, graph, batch);
                close(logits(graph, batch), logits, FLOAT, "logits");
                double weight = 1.0 / batch.count();
                double found = graph.step(batch, loss, weight);
                double expected = slope(logits, batch, weight);
                assertThat(found).isCloseTo(expected, within(1e-5 * expected));
                assertThat(graph.evaluate(batch, loss)).isEqualTo(found);
                reference.backward(logits);
                List<String> names = graph.layerNames();
                for (int i = 0; i < names.size(); i++)
                    compare(graph, names.get(i), reference.gradients().get(i));
            }
        });
    }

    private static void compare(LlamaGraph graph, String layer, Map<String, INDArray> expected) {
        LayerRun<?> run = (LayerRun<?>) graph.graph().getLayer(layer);
        expected.forEach((name, array) -> close(floats(run.gradient(name)), array, FLOAT, layer + " " + name));
    }

    /** What the adapter reads and where it stands, worked out anew: every sequence's pictures, one after the other. */
    private static INDArray forward(LlamaReference reference, LlamaGraph graph, Batch batch) {
        VisionConfig vision = graph.eyes().orElseThrow();
        List<double[]> features = new ArrayList<>();
        int[] rows = new int[batch.positions()];
        Arrays.fill(rows, -1);
        for (int s = 0; s < batch.sequences() && batch.pictures().isPresent(); s++) {
            int before = features.size();
            for (Picture picture : batch.pictures().orElseThrow().texts().get(s).pictures()) {
                features.addAll(List.of(TestPictures.read(vision, picture.id(), GRID)));
            }
            for (int i = s * batch.time(); i < (s + 1) * batch.time(); i++) {
                if (batch.tokens()[i] < 0) rows[i] = before - 1 - batch.tokens()[i];
            }
        }
        if (features.isEmpty()) return reference.forward(batch);
        return reference.forward(batch, Nd4j.create(features.toArray(double[][]::new)), rows);
    }

    /** The whole model's reference, a random direction in each parameter, in double. */
    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void theReferencesGradientIsItsSlope(ModelConfig config) {
        Seeds.run(1, random -> {
            try (LlamaGraph graph = graph(config, vision(config, random), random)) {
                Batch batch = batch(graph, random, 2, 5, 2);
                var reference = new LlamaReference(graph, DataType.DOUBLE);
                INDArray weights =
                        normal(random, forward(reference, graph, batch).shape());
                reference.backward(weights.dup());
                double step = 1e-6;
                for (int layer = 0; layer < reference.parameters().size(); layer++) {
                    for (String name : reference.parameters().get(layer).keySet()) {
                        INDArray at = reference.parameters().get(layer).get(name), kept = at.dup();
                        INDArray direction = normal(random, at.shape());
                        at.addi(direction.mul(step));
                        double above = product(forward(reference, graph, batch), weights);
                        at.assign(kept.sub(direction.mul(step)));
                        double below = product(forward(reference, graph, batch), weights);
                        at.assign(kept);
                        double slope = product(reference.gradients().get(layer).get(name), direction);
                        assertThat((above - below) / (2 * step))
                                .as(graph.layerNames().get(layer) + " " + name)
                                .isCloseTo(slope, within(1e-5 * (1 + Math.abs(slope))));
                    }
                }
            }
        });
    }

    private static double product(INDArray a, INDArray b) {
        return a.mul(b).sumNumber().doubleValue();
    }

    private static INDArray normal(RandomGenerator random, long... shape) {
        INDArray array = Nd4j.create(DataType.DOUBLE, shape);
        for (long i = 0; i < array.length(); i++) array.putScalar(i, random.nextGaussian());
        return array;
    }

    @Test
    void aPictureTwiceInATextHasTheGradientOfBothPlaces() {
        RandomGenerator random = Seeds.generator(4);
        try (LlamaGraph graph = graph(SMALL, TestPictures.plain(TOWER, SMALL.hiddenSize()), random)) {
            List<Picture> one = TestPictures.of(random, 1), two = List.of(one.getFirst(), one.getFirst());
            var loss = new CrossEntropyOfTests();
            graph.step(TestPictures.batch(new int[] {1, -1, 5, -1, 7, 8}, one, graph.pictureRows()), loss, 1);
            float[] found = floats(graph.gradients());
            graph.zeroGradients();
            graph.step(TestPictures.batch(new int[] {1, -1, 5, -2, 7, 8}, two, graph.pictureRows()), loss, 1);
            close(found, floats(graph.gradients()), 2e-6, "gradients");
        }
    }

    @Test
    void partsAddUpToTheWholeWithAndWithoutPictures() {
        Seeds.run(4, random -> {
            try (LlamaGraph graph = graph(SMALL, vision(SMALL, random), random)) {
                Batch batch = batch(graph, random, 5, 9, 1);
                var loss = new CrossEntropyOfTests();
                double whole = graph.step(batch, loss, 1), sum = 0;
                float[] expected = floats(graph.gradients());
                graph.zeroGradients();
                // Some of the sequences have no picture, and begin the sum or go on with it.
                for (int s = 0; s < 5; s++) sum += graph.step(batch.part(s, s + 1), loss, 1);
                assertThat(sum).isCloseTo(whole, within(FLOAT * whole));
                close(floats(graph.gradients()), expected, FLOAT, "parts");
                graph.zeroGradients();
                for (Batch pass : batch.passes(2)) graph.step(pass, loss, 1);
                close(floats(graph.gradients()), expected, FLOAT, "passes");
            }
        });
    }

    // ---- without pictures -------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void withoutPicturesItIsTheBlindModelAndTheAdapterLearnsNothing(ModelConfig config) {
        RandomGenerator random = Seeds.generator(5);
        VisionConfig vision = TestPictures.plain(TOWER, config.hiddenSize());
        try (LlamaGraph blind = LlamaGraph.create(config, device, 3);
                LlamaGraph seeing = LlamaGraph.create(config, Optional.empty(), vision, device, 3)) {
            Batch batch = Models.batch(config, random, 3, 7);
            // Not even a tower is needed; and what an earlier batch left in the gradient is gone.
            assertThat(seeing.step(batch, new CrossEntropyOfTests(), 1))
                    .isEqualTo(blind.step(batch, new CrossEntropyOfTests(), 1));
            seeing.look(sight);
            seeing.step(batch(seeing, random, 3, 15, 2), new CrossEntropyOfTests(), 1);
            seeing.adapterGradients()
                    .forEach(t ->
                            assertThat(norm(List.of(t.floats()))).as(t.name()).isPositive());
            seeing.zeroGradients();
            seeing.step(batch, new CrossEntropyOfTests(), 1);
            for (int i = 0; i < blind.gradientTensors().size(); i++) {
                assertThat(seeing.gradientTensors().get(i).floats())
                        .as(blind.tensors().get(i).name())
                        .isEqualTo(blind.gradientTensors().get(i).floats());
                assertThat(seeing.tensors().get(i).floats())
                        .isEqualTo(blind.tensors().get(i).floats());
            }
            seeing.adapterGradients()
                    .forEach(t -> assertThat(t.floats()).as(t.name()).containsOnly(0));
        }
    }

    @Test
    void aBlindModelHasNoSecondInputAndNoVertex() {
        try (LlamaGraph blind = LlamaGraph.create(SMALL, device, 3)) {
            assertThat(blind.graph().getNumInputArrays()).isEqualTo(1);
            assertThat(blind.graph().getVertices()).hasSize(2 + SMALL.layers() + 1);
            assertThat(blind.eyes()).isEmpty();
            assertThat(blind.adapter()).isEmpty();
            Batch batch = TestPictures.batch(new int[] {1, -1, 5}, TestPictures.of(Seeds.generator(1), 1), 2);
            assertThatThrownBy(() -> blind.step(batch, new CrossEntropyOfTests(), 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("position 1");
            assertThatThrownBy(() -> blind.freezeLanguage(true)).isInstanceOf(Failure.class);
        }
    }

    @Test
    void picturesOfOtherSizesAreRefused() {
        try (LlamaGraph graph = graph(SMALL, TestPictures.plain(TOWER, SMALL.hiddenSize()), Seeds.generator(1));
                Sight other = TestPictures.sight(device, GRID, TOWER + 1, 1)) {
            Batch batch = TestPictures.batch(new int[] {1, -1, 5}, TestPictures.of(Seeds.generator(1), 1), 2);
            assertThatThrownBy(() -> graph.step(batch, new CrossEntropyOfTests(), 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("2 rows of each")
                    .hasMessageContaining(GRID * GRID + ", which");
            assertThatThrownBy(() -> graph.look(other)).isInstanceOf(Failure.class);
        }
    }

    @Test
    void aModelThatSeesIsNotTrainedOnRowsWithoutTheirPictures() {
        VisionConfig vision = TestPictures.plain(TOWER, SMALL.hiddenSize());
        Batch left = TestPictures.batch(new int[] {1, -1, 5}, TestPictures.of(Seeds.generator(1), 1), 0);
        try (LlamaGraph graph = graph(SMALL, vision, Seeds.generator(1));
                LlamaGraph unready = LlamaGraph.create(SMALL, Optional.empty(), vision, device, 1);
                LlamaGraph blind = LlamaGraph.create(SMALL, device, 3)) {
            assertThatThrownBy(() -> graph.step(left, new CrossEntropyOfTests(), 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("0 rows of each");
            assertThatThrownBy(unready::pictureRows).isInstanceOf(IllegalStateException.class);
            assertThat(blind.pictureRows()).isZero();
            blind.step(left, new CrossEntropyOfTests(), 1);
        }
    }

    // ---- frozen -----------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void aFrozenLanguageKeepsItsBitsAndTheAdapterItsGradient(ModelConfig config) {
        RandomGenerator random = Seeds.generator(6);
        try (LlamaGraph graph = graph(config, vision(config, random), random);
                AdamW optimizer = new AdamW(graph, 0.9, 0.95, 1e-8, 0.1)) {
            Batch batch = batch(graph, random, 3, 8, 2);
            var loss = new CrossEntropyOfTests();
            graph.step(batch, loss, 1);
            List<float[]> whole = floats(graph.adapterGradients());
            double all = optimizer.norm();
            assertThat(all).isCloseTo(norm(List.of(floats(graph.gradients()))), within(1e-6 * all));
            graph.freezeLanguage(true);
            graph.zeroGradients();
            graph.step(batch, loss, 1);
            assertThat(floats(graph.adapterGradients()))
                    .usingRecursiveComparison()
                    .isEqualTo(whole);
            assertThat(optimizer.norm())
                    .isCloseTo(norm(whole), within(1e-6 * all))
                    .isLessThan(all);
            List<float[]> before = floats(graph.tensors()), adapter = floats(graph.adapter());
            for (int step = 1; step <= 3; step++) {
                graph.zeroGradients();
                graph.step(batch, loss, 1);
                optimizer.update(0.01, 1, step);
            }
            assertThat(floats(graph.tensors())).usingRecursiveComparison().isEqualTo(before);
            for (int i = 0; i < adapter.size(); i++) {
                assertThat(graph.adapter().get(i).floats()).isNotEqualTo(adapter.get(i));
            }
            untouched(graph, optimizer);
            graph.freezeLanguage(false);
            graph.zeroGradients();
            graph.step(batch, loss, 1);
            optimizer.update(0.01, 1, 4);
            List<float[]> after = floats(graph.tensors());
            for (int i = 0; i < after.size(); i++) {
                assertThat(after.get(i)).as(graph.tensors().get(i).name()).isNotEqualTo(before.get(i));
            }
        }
    }

    /** Moments are nothing but where the adapter lies. */
    private static void untouched(LlamaGraph graph, AdamW optimizer) {
        boolean[] trained = new boolean[(int) graph.parameters().elements()];
        for (LlamaGraph.Group g : graph.groups()) {
            Arrays.fill(trained, (int) g.offset(), (int) (g.offset() + g.length()), true);
        }
        for (Buffer moments : List.of(optimizer.first(), optimizer.second())) {
            float[] values = floats(moments);
            for (int i = 0; i < values.length; i++)
                if (!trained[i]) assertThat(values[i]).isZero();
        }
        long adapter = graph.eyes().orElseThrow().projectorParameters();
        assertThat(graph.groups().stream().mapToLong(LlamaGraph.Group::length).sum())
                .isEqualTo(adapter);
    }

    private static double norm(List<float[]> of) {
        double squares = 0;
        for (float[] values : of) for (float v : values) squares += (double) v * v;
        return Math.sqrt(squares);
    }

    @Test
    void groupsCoverEveryParameterOnce() {
        RandomGenerator random = Seeds.generator(7);
        try (LlamaGraph graph = graph(SMALL, TestPictures.plain(TOWER, SMALL.hiddenSize()), random)) {
            long at = 0;
            for (LlamaGraph.Group group : graph.groups()) {
                assertThat(group.offset()).isEqualTo(at);
                at += group.length();
            }
            assertThat(at).isEqualTo(graph.parameters().elements());
            assertThat(at)
                    .isEqualTo(SMALL.parameters() + graph.eyes().orElseThrow().projectorParameters());
            long matrices = graph.tensors().stream()
                            .filter(t -> t.shape().length == 2)
                            .mapToLong(t -> t.elements())
                            .sum()
                    + graph.adapter().stream()
                            .filter(t -> t.shape().length == 2)
                            .mapToLong(t -> t.elements())
                            .sum();
            assertThat(graph.groups().stream()
                            .filter(LlamaGraph.Group::decay)
                            .mapToLong(LlamaGraph.Group::length)
                            .sum())
                    .isEqualTo(matrices);
        }
    }

    /** The products for gradients of the language's matrices are left out, not only their results. */
    @Test
    void frozenMatricesHaveNoProducts() {
        AtomicInteger weights = new AtomicInteger();
        Device counting = counting("linearWeightGradient", weights);
        VisionConfig vision = TestPictures.plain(TOWER, SMALL.hiddenSize());
        try (LlamaGraph graph = LlamaGraph.create(SMALL, Optional.empty(), vision, counting, 1)) {
            graph.look(sight);
            Batch batch = batch(graph, Seeds.generator(1), 2, 8, 2);
            graph.step(batch, new CrossEntropyOfTests(), 1);
            assertThat(weights.getAndSet(0)).isEqualTo(4 * SMALL.layers() + 1 + 2);
            graph.freezeLanguage(true);
            graph.step(batch, new CrossEntropyOfTests(), 1);
            assertThat(weights.get()).isEqualTo(2);
        }
    }

    // ---- memory -----------------------------------------------------------------------------------

    @Test
    void nothingIsAllocatedOnceTheLargestShapeWasSeen() {
        AtomicInteger allocated = new AtomicInteger();
        Device counting = counting("allocate", allocated);
        VisionConfig vision = TestPictures.plain(TOWER, SMALL.hiddenSize());
        RandomGenerator random = Seeds.generator(8);
        try (LlamaGraph graph = LlamaGraph.create(SMALL, Optional.empty(), vision, counting, 1)) {
            graph.look(sight);
            List<Batch> batches = new ArrayList<>();
            for (int i = 0; i < 4; i++) batches.add(batch(graph, random, 1 + i % 3, 6 + i, i % 3));
            var loss = new CrossEntropyOfTests();
            for (Batch b : batches) graph.step(b, loss, 1);
            assertThat(allocated.getAndSet(0)).isPositive();
            List<float[]> first = new ArrayList<>();
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < batches.size(); i++) {
                    graph.zeroGradients();
                    graph.step(batches.get(i), loss, 1);
                    if (round == 0) first.add(floats(graph.gradients()));
                    else assertThat(floats(graph.gradients())).isEqualTo(first.get(i));
                    graph.evaluate(batches.get((i + 1) % 4), loss);
                }
            }
            assertThat(allocated.get()).isZero();
        }
    }

    private static Device counting(String method, AtomicInteger calls) {
        return (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(), new Class<?>[] {Device.class}, (proxy, called, arguments) -> {
                    if (called.getName().equals(method)) calls.incrementAndGet();
                    try {
                        return called.invoke(device, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    // ---- DL4J -------------------------------------------------------------------------------------

    @Test
    void toolsOfDl4jUnderstandTheGraph() {
        RandomGenerator random = Seeds.generator(9);
        VisionConfig vision = TestPictures.vision(TOWER, SMALL.hiddenSize(), 3, Gelu.QUICK, true, true, 1);
        try (LlamaGraph graph = LlamaGraph.create(SMALL, Optional.empty(), vision, device, 1)) {
            ComputationGraph dl4j = graph.graph();
            assertThat(dl4j.summary()).contains("Adapter", "PictureRows", "block1");
            ComputationGraphConfiguration conf = dl4j.getConfiguration();
            for (var c : List.of(conf.clone(), ComputationGraphConfiguration.fromJson(conf.toJson()))) {
                ComputationGraph again = new ComputationGraph(c);
                again.init();
                assertThat(again.getConfiguration().toJson()).isEqualTo(conf.toJson());
                assertThat(again.params()).isEqualTo(dl4j.params());
            }
            assertThat(dl4j.clone().params()).isEqualTo(dl4j.params()).isNotSameAs(dl4j.params());
            dl4j.paramTable()
                    .forEach((name, array) ->
                            assertThat(dl4j.getParam(name)).as(name).isEqualTo(array));
            graph.look(sight);
            Batch batch = batch(graph, random, 2, 6, 2);
            // A step leaves its input in the graph; DL4J's own pass over it says the same.
            graph.step(batch, new CrossEntropyOfTests(), 1);
            INDArray output = dl4j.output(false, dl4j.getInputs())[0];
            close(logits(graph, batch), output.reshape(batch.positions(), SMALL.vocabSize()), 0, "output");
        }
    }

    // ---- what they share --------------------------------------------------------------------------

    /** Cross entropy's gradient in place of the logits; the loss is returned. */
    private static double slope(INDArray logits, Batch batch, double weight) {
        double sum = 0;
        for (int r = 0; r < batch.positions(); r++) {
            INDArray row = logits.getRow(r);
            boolean counts = batch.counted()[r] == 1;
            INDArray e = Transforms.softmax(row.dup());
            if (counts) sum -= Math.log(e.getDouble(batch.labels()[r]));
            row.assign(e.muli(counts ? weight : 0));
            if (counts) row.putScalar(batch.labels()[r], row.getDouble(batch.labels()[r]) - weight);
        }
        return sum;
    }

    private static float[] logits(LlamaGraph graph, Batch batch) {
        Buffer out = device.allocate(
                DType.F32, (long) batch.positions() * graph.config().vocabSize());
        graph.logits(batch, 0, batch.positions(), out);
        float[] values = floats(out);
        device.free(out);
        return values;
    }

    private static List<float[]> floats(List<Tensor> tensors) {
        return tensors.stream().map(Tensor::floats).toList();
    }

    private static float[] floats(Buffer buffer) {
        float[] values = new float[(int) buffer.elements()];
        device.download(buffer, values, 0, values.length);
        return values;
    }

    private static void close(float[] found, INDArray expected, double tolerance, String what) {
        float[] values = expected.dup('c')
                .reshape(expected.length())
                .castTo(DataType.FLOAT)
                .toFloatVector();
        close(found, values, tolerance, what);
    }

    private static void close(float[] found, float[] expected, double tolerance, String what) {
        assertThat(found).hasSameSizeAs(expected);
        double largest = 0, off = 0;
        for (int i = 0; i < found.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            off = Math.max(off, Math.abs(found[i] - (double) expected[i]));
        }
        assertThat(off).as(what + ", largest " + largest).isLessThanOrEqualTo(tolerance * largest);
    }
}
