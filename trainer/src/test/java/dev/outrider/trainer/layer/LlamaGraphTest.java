package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * The graph of own layers against its reference in double, and what DL4J's tools make of it; one long file, since all of it
 * needs the same small models and comparisons.
 */
final class LlamaGraphTest {
    private static final ModelConfig SMALL = Models.of(4, 2, 8, new RopeScaling.None(), false, false, false);
    /** Of the largest value: float32 through two blocks and back, against double. */
    private static final double FLOAT = 5e-5;

    private static Device device;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void lossLogitsAndGradientsAreTheReferences(ModelConfig config) {
        Seeds.run(2, random -> {
            try (LlamaGraph graph = disturbed(config, random)) {
                Batch batch = Models.batch(config, random, 3, 7);
                var reference = new LlamaReference(graph, DataType.DOUBLE);
                var loss = new CrossEntropyOfTests();
                INDArray logits = reference.forward(batch);
                close(logits(graph, batch), logits, FLOAT, "logits");
                double weight = 1.0 / batch.count();
                double found = graph.step(batch, loss, weight);
                double expected = slope(logits, batch, weight);
                assertThat(found).isCloseTo(expected, within(1e-5 * expected));
                assertThat(graph.graph().score()).isCloseTo(found * weight, within(1e-12));
                assertThat(graph.evaluate(batch, loss)).isEqualTo(found);
                reference.backward(logits);
                for (int i = 0; i < reference.gradients().size(); i++) compare(graph, reference, i);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void dropoutIsTheReferencesInStepsAndNowhereElse(ModelConfig config) {
        Seeds.run(2, random -> {
            try (LlamaGraph graph = disturbed(config, random)) {
                Batch batch = Models.batch(config, random, 3, 7);
                var reference = new LlamaReference(graph, DataType.DOUBLE);
                var loss = new CrossEntropyOfTests();
                double weight = 1.0 / batch.count(), plain = graph.evaluate(batch, loss);
                long seed = random.nextLong();
                graph.dropout(0.25, seed);
                reference.mask(place -> mask(batch.positions(), config.hiddenSize(), 0.25, Hashes.mix(seed + place)));
                INDArray logits = reference.forward(batch);
                double expected = slope(logits, batch, weight);
                assertThat(graph.step(batch, loss, weight)).isCloseTo(expected, within(1e-5 * expected));
                reference.backward(logits);
                for (int i = 0; i < reference.gradients().size(); i++) compare(graph, reference, i);
                assertThat(graph.evaluate(batch, loss)).isEqualTo(plain);
                assertThat(plain).isNotCloseTo(expected, within(1e-3 * expected));
            }
        });
    }

    /** Factors of 8 bits' precision: every gradient is near, none is the same. */
    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void mixedPrecisionIsNearTheReference(ModelConfig config) {
        assumeTrue(multipliesBf16(), "this CPU does not multiply BF16");
        RandomGenerator random = Seeds.generator(5);
        try (CpuDevice mixed = new CpuDevice(2, Precision.BF16);
                LlamaGraph graph = LlamaGraph.create(config, mixed, 5)) {
            Batch batch = Models.batch(config, random, 8, 7);
            var reference = new LlamaReference(graph, DataType.DOUBLE);
            INDArray logits = reference.forward(batch);
            double weight = 1.0 / batch.count(), found = graph.step(batch, new CrossEntropyOfTests(), weight);
            double expected = slope(logits, batch, weight);
            assertThat(found)
                    .isCloseTo(expected, within(2e-3 * expected))
                    .isNotCloseTo(expected, within(1e-9 * expected));
            reference.backward(logits);
            for (int i = 0; i < reference.gradients().size(); i++) {
                LayerRun<?> run = (LayerRun<?>) graph.graph().getLayer(i);
                reference.gradients().get(i).forEach((name, array) -> {
                    assertThat(distance(floats(run.gradient(name)), array))
                            .as(name)
                            .isBetween(1e-5, 0.03);
                });
            }
        }
    }

    private static boolean multipliesBf16() {
        try {
            CpuDevice.require(Precision.BF16);
            return true;
        } catch (Failure e) {
            return false;
        }
    }

    /** |found - expected| / |expected|, of whole arrays. */
    private static double distance(float[] found, INDArray expected) {
        float[] values = expected.dup('c')
                .reshape(expected.length())
                .castTo(DataType.FLOAT)
                .toFloatVector();
        double off = 0, all = 0;
        for (int i = 0; i < values.length; i++) {
            off += Math.pow(found[i] - (double) values[i], 2);
            all += Math.pow(values[i], 2);
        }
        return Math.sqrt(off / all);
    }

    private static INDArray mask(int rows, int channels, double share, long seed) {
        float[] mask = new float[rows * channels];
        Arrays.fill(mask, 1);
        Buffer on = device.allocate(DType.F32, mask.length);
        device.upload(mask, 0, on, mask.length);
        device.dropout(on, mask.length, share, seed);
        device.download(on, mask, 0, mask.length);
        device.free(on);
        return Nd4j.createFromArray(mask).castTo(DataType.DOUBLE).reshape(rows, channels);
    }

    private static void compare(LlamaGraph graph, LlamaReference reference, int layer) {
        LayerRun<?> run = (LayerRun<?>) graph.graph().getLayer(layer);
        Map<String, INDArray> expected = reference.gradients().get(layer);
        expected.forEach((name, array) -> close(floats(run.gradient(name)), array, FLOAT, layer + " " + name));
    }

    @Test
    void theReferenceRunsInFloatToo() {
        RandomGenerator random = Seeds.generator(2);
        try (LlamaGraph graph = disturbed(SMALL, random)) {
            Batch batch = Models.batch(SMALL, random, 2, 6);
            var single = new LlamaReference(graph, DataType.FLOAT);
            var twice = new LlamaReference(graph, DataType.DOUBLE);
            INDArray found = single.forward(batch), expected = twice.forward(batch);
            assertThat(found.dataType()).isEqualTo(DataType.FLOAT);
            close(found.dup('c').reshape(found.length()).toFloatVector(), expected, FLOAT, "logits");
            single.backward(found);
            twice.backward(expected);
            for (int i = 0; i < single.gradients().size(); i++) {
                var other = twice.gradients().get(i);
                single.gradients().get(i).forEach((name, g) -> {
                    float[] values = g.dup('c').reshape(g.length()).toFloatVector();
                    close(values, other.get(name), FLOAT, name);
                });
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void halvesAddUpToTheWhole(ModelConfig config) {
        RandomGenerator random = Seeds.generator(3);
        try (LlamaGraph graph = disturbed(config, random)) {
            Batch whole = Models.batch(config, random, 4, 6);
            double weight = 1.0 / whole.count();
            var loss = new CrossEntropyOfTests();
            double together = graph.step(whole, loss, weight);
            float[] expected = floats(graph.gradients());
            graph.zeroGradients();
            double parts = graph.step(half(whole, 0), loss, weight) + graph.step(half(whole, 1), loss, weight);
            assertThat(parts).isCloseTo(together, within(1e-6 * together));
            close(floats(graph.gradients()), expected, 1e-6, "gradients");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void chunksOfTheHeadChangeNothing(ModelConfig config) {
        Batch batch = Models.batch(config, Seeds.generator(4), 3, 7);
        float[] whole = gradients(config, batch, 1000, 1);
        for (int[] chunk : new int[][] {{1, 1}, {4, 1}, {5, 7}, {8, 3}}) {
            close(gradients(config, batch, chunk[0], chunk[1]), whole, 1e-6, "chunks of " + chunk[0]);
        }
    }

    private static float[] gradients(ModelConfig config, Batch batch, int chunk, int together) {
        var loss = new CrossEntropyOfTests(together);
        try (LlamaGraph graph = LlamaGraph.create(
                config, Optional.empty(), Optional.empty(), device, 5, new LlamaHead(config).chunk(chunk))) {
            graph.step(batch, loss, 1.0 / batch.count());
            assertThat(loss.seen()).isEqualTo((int) batch.count());
            return floats(graph.gradients());
        }
    }

    /** The head passes over long stretches that do not count: each counted stretch alone, and together. */
    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void stretchesThatCountAddUp(ModelConfig config) {
        Seeds.run(3, random -> {
            int time = 60;
            Batch all = Models.batch(config, random, 3, time);
            byte[][] stretches = new byte[1 + random.nextInt(4)][all.positions()];
            byte[] together = new byte[all.positions()];
            for (byte[] stretch : stretches) {
                int from = random.nextInt(all.positions());
                for (int i = from; i < Math.min(all.positions(), from + 1 + random.nextInt(20)); i++) {
                    if (i % time == time - 1 || together[i] == 1) continue;
                    stretch[i] = together[i] = 1;
                }
            }
            int chunk = 1 + random.nextInt(30);
            try (LlamaGraph graph = LlamaGraph.create(
                    config, Optional.empty(), Optional.empty(), device, 5, new LlamaHead(config).chunk(chunk))) {
                var loss = new CrossEntropyOfTests(random.nextInt(3) == 0 ? time : 1);
                double sum = graph.step(counting(all, together), loss, 1);
                float[] found = floats(graph.gradients());
                assertThat(loss.seen()).isEqualTo((int) counting(all, together).count());
                graph.zeroGradients();
                double expected = 0;
                for (byte[] stretch : stretches) expected += graph.step(counting(all, stretch), loss, 1);
                assertThat(sum).isCloseTo(expected, within(1e-6 * expected));
                close(found, floats(graph.gradients()), 2e-6, "gradients");
            }
        });
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void whereNothingCountsTheGradientIsZeroWhateverWasThere(ModelConfig config) {
        try (LlamaGraph graph = disturbed(config, Seeds.generator(8))) {
            Batch batch = Models.batch(config, Seeds.generator(9), 2, 7);
            graph.step(batch, new CrossEntropyOfTests(), 1);
            graph.zeroGradients();
            graph.step(counting(batch, new byte[batch.positions()]), new CrossEntropyOfTests(), 1);
            assertThat(floats(graph.gradients())).containsOnly(0);
        }
    }

    /** What follows the last position that counts changes neither loss nor gradient. */
    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void passesAddUpToTheBatch(ModelConfig config) {
        Seeds.run(3, random -> {
            int time = 60, sequences = 1 + random.nextInt(6);
            Batch all = Models.batch(config, random, sequences, time);
            byte[] counted = all.counted().clone();
            for (int s = 0; s < sequences; s++) {
                Arrays.fill(counted, s * time + random.nextInt(time), (s + 1) * time, (byte) 0);
            }
            Batch batch = counting(all, counted);
            try (LlamaGraph graph = disturbed(config, random)) {
                var loss = new CrossEntropyOfTests();
                double whole = graph.step(batch, loss, 1), sum = 0;
                float[] expected = floats(graph.gradients());
                graph.zeroGradients();
                for (Batch pass : batch.passes(1 + random.nextInt(4))) sum += graph.step(pass, loss, 1);
                assertThat(sum).isCloseTo(whole, within(FLOAT * whole));
                close(floats(graph.gradients()), expected, FLOAT, "gradients");
            }
        });
    }

    private static Batch counting(Batch batch, byte[] counted) {
        return new Batch(batch.sequences(), batch.time(), batch.tokens(), batch.labels(), counted);
    }

    @Test
    void aStepLeavesNothingBehind() {
        RandomGenerator random = Seeds.generator(6);
        try (LlamaGraph graph = disturbed(SMALL, random)) {
            var loss = new CrossEntropyOfTests();
            Batch small = Models.batch(SMALL, random, 2, 4), large = Models.batch(SMALL, random, 3, 9);
            double first = graph.step(small, loss, 1);
            float[] expected = floats(graph.gradients());
            graph.zeroGradients();
            graph.step(large, loss, 1);
            graph.evaluate(large, loss);
            graph.zeroGradients();
            assertThat(graph.step(small, loss, 1)).isEqualTo(first);
            assertThat(floats(graph.gradients())).isEqualTo(expected);
        }
    }

    @Test
    void learnsOneBatchByHeart() {
        RandomGenerator random = Seeds.generator(7);
        try (LlamaGraph graph = LlamaGraph.create(SMALL, device, 7)) {
            Batch batch = Models.batch(SMALL, random, 2, 8);
            var loss = new CrossEntropyOfTests();
            Buffer p = graph.parameters(), g = graph.gradients();
            Buffer m = device.allocate(DType.F32, p.elements()), v = device.allocate(DType.F32, p.elements());
            device.zero(m, p.elements());
            device.zero(v, p.elements());
            double mean = 0;
            for (int step = 1; step <= 150; step++) {
                graph.zeroGradients();
                mean = graph.step(batch, loss, 1.0 / batch.count()) / batch.count();
                if (step == 1) assertThat(mean).isCloseTo(Math.log(SMALL.vocabSize()), within(0.2));
                device.adamW(p, g, m, v, p.elements(), 0.01, 0.9, 0.95, 1e-8, 0, 1, step);
            }
            device.free(m);
            device.free(v);
            assertThat(mean).isLessThan(0.01);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void groupsCoverTheParametersAndDecayMatricesOnly(ModelConfig config) {
        try (LlamaGraph graph = LlamaGraph.create(config, device, 1)) {
            assertThat(graph.parameters().elements()).isEqualTo(config.parameters());
            long at = 0, decayed = 0;
            for (TrainedModel.Group group : graph.groups()) {
                assertThat(group.offset()).isEqualTo(at);
                at += group.length();
                if (group.decay()) decayed += group.length();
            }
            assertThat(at).isEqualTo(config.parameters());
            assertThat(decayed).isEqualTo(matrices(graph));
        }
    }

    private static long matrices(LlamaGraph graph) {
        return graph.tensors().stream()
                .filter(t -> t.shape().length == 2)
                .mapToLong(Tensor::elements)
                .sum();
    }

    @ParameterizedTest
    @MethodSource("dev.outrider.trainer.layer.Models#all")
    void tensorsAreTheParametersUnderOtherNames(ModelConfig config) {
        try (LlamaGraph graph = LlamaGraph.create(config, device, 1)) {
            List<Tensor> tensors = graph.tensors();
            assertThat(tensors.stream().mapToLong(Tensor::elements).sum()).isEqualTo(config.parameters());
            assertThat(tensors).extracting(Tensor::name).doesNotHaveDuplicates();
            Tensor k = tensors.stream()
                    .filter(t -> t.name().equals("model.layers.1.self_attn.k_proj.weight"))
                    .findFirst()
                    .orElseThrow();
            INDArray fused = graph.graph().getLayer("block1").getParam(LlamaBlock.QKV);
            assertThat(k.value(1)).isEqualTo(fused.getDouble((long) config.heads() * config.headDim(), 1));
        }
    }

    @Test
    void theSeedDecides() {
        try (LlamaGraph a = LlamaGraph.create(SMALL, device, 1);
                LlamaGraph b = LlamaGraph.create(SMALL, device, 1);
                LlamaGraph c = LlamaGraph.create(SMALL, device, 2)) {
            assertThat(floats(a.parameters())).isEqualTo(floats(b.parameters()));
            assertThat(floats(a.parameters())).isNotEqualTo(floats(c.parameters()));
            INDArray gate = a.graph().getLayer("block0").getParam(LlamaBlock.GATE_UP);
            assertThat(gate.stdNumber().doubleValue()).isCloseTo(0.02, within(0.002));
            INDArray down = a.graph().getLayer("block0").getParam(LlamaBlock.DOWN);
            assertThat(down.stdNumber().doubleValue()).isCloseTo(0.01, within(0.001));
        }
    }

    @Test
    void refusesTokensOutsideTheVocabularyAndTooLongSequences() {
        try (LlamaGraph graph = LlamaGraph.create(SMALL, device, 1)) {
            var loss = new CrossEntropyOfTests();
            Batch foreign = Batch.nextToken(1, 3, new int[] {1, SMALL.vocabSize(), 2}, new byte[] {1, 1, 1});
            assertThatThrownBy(() -> graph.step(foreign, loss, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("position 1")
                    .hasMessageContaining("" + SMALL.vocabSize());
            int time = SMALL.maxPositions() + 1;
            Batch tooLong = Batch.nextToken(1, time, new int[time], new byte[time]);
            assertThatThrownBy(() -> graph.step(tooLong, loss, 1)).isInstanceOf(Failure.class);
        }
    }

    @Test
    void listenersHearEveryPassAndEveryIteration() {
        try (LlamaGraph graph = LlamaGraph.create(SMALL, device, 1)) {
            var heard = new Heard();
            graph.graph().addListeners(heard);
            Batch batch = Models.batch(SMALL, Seeds.generator(1), 2, 5);
            var loss = new CrossEntropyOfTests();
            for (int i = 0; i < 2; i++) {
                graph.zeroGradients();
                graph.step(batch, loss, 0.5);
                graph.step(batch, loss, 0.5);
                graph.iterationDone(3);
            }
            assertThat(heard.events)
                    .containsExactly(
                            "forward",
                            "backward",
                            "forward",
                            "backward",
                            "0: 3.0",
                            "forward",
                            "backward",
                            "forward",
                            "backward",
                            "1: 3.0");
            assertThat(graph.graph().getIterationCount()).isEqualTo(2);
        }
    }

    private static final class Heard extends BaseTrainingListener {
        private final List<String> events = new ArrayList<>();

        @Override
        public void onForwardPass(Model model, Map<String, INDArray> activations) {
            events.add("forward");
        }

        @Override
        public void onBackwardPass(Model model) {
            events.add("backward");
        }

        @Override
        public void iterationDone(Model model, int iteration, int epoch) {
            events.add(iteration + ": " + model.score());
        }
    }

    @Test
    void toolsOfDl4jUnderstandTheGraph() {
        ModelConfig config = Models.of(2, 2, 10, new RopeScaling.None(), false, true, true);
        try (LlamaGraph graph = LlamaGraph.create(config, device, 1)) {
            ComputationGraph dl4j = graph.graph();
            assertThat(dl4j.summary()).contains("block1", "LlamaBlock", "head");
            ComputationGraphConfiguration conf = dl4j.getConfiguration();
            for (var c : List.of(conf.clone(), ComputationGraphConfiguration.fromJson(conf.toJson()))) {
                ComputationGraph again = new ComputationGraph(c);
                again.init();
                assertThat(again.getConfiguration().toJson()).isEqualTo(conf.toJson());
                assertThat(again.params()).isEqualTo(dl4j.params());
            }
            ComputationGraph copy = dl4j.clone();
            assertThat(copy.params()).isEqualTo(dl4j.params()).isNotSameAs(dl4j.params());
            Batch batch = Models.batch(config, Seeds.generator(1), 2, 5);
            INDArray output =
                    dl4j.outputSingle(Nd4j.createFromArray(batch.tokens()).reshape(2, 5));
            close(logits(graph, batch), output.reshape(10, config.vocabSize()), 0, "output");
        }
    }

    /** A new model with gains and biases moved off their first values, and larger matrices. */
    private static LlamaGraph disturbed(ModelConfig config, RandomGenerator random) {
        LlamaGraph graph = LlamaGraph.create(config, device, random.nextLong());
        float[] values = floats(graph.parameters());
        for (int i = 0; i < values.length; i++) values[i] = values[i] * 4 + (float) random.nextGaussian() * 0.1f;
        device.upload(values, 0, graph.parameters(), values.length);
        return graph;
    }

    private static Batch half(Batch whole, int which) {
        int n = whole.positions() / 2, at = which * n;
        return new Batch(
                whole.sequences() / 2,
                whole.time(),
                Arrays.copyOfRange(whole.tokens(), at, at + n),
                Arrays.copyOfRange(whole.labels(), at, at + n),
                Arrays.copyOfRange(whole.counted(), at, at + n));
    }

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
        int v = graph.config().vocabSize(), rows = batch.positions();
        Buffer out = device.allocate(DType.F32, (long) rows * v);
        graph.logits(batch, 0, rows, out);
        float[] values = floats(out);
        device.free(out);
        return values;
    }

    private static float[] floats(Buffer buffer) {
        float[] values = new float[(int) buffer.elements()];
        device.download(buffer, values, 0, values.length);
        return values;
    }

    private static void close(float[] found, INDArray expected, double tolerance, String what) {
        close(
                found,
                expected.dup('c')
                        .reshape(expected.length())
                        .castTo(DataType.FLOAT)
                        .toFloatVector(),
                tolerance,
                what);
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
