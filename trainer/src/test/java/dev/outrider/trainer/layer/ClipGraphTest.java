package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Tower;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.ClipTower;
import dev.outrider.trainer.clip.ClipShape;
import dev.outrider.trainer.clip.PairBatch;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Both halves against their references in double, what becomes of the tower, and what DL4J's tools make of the graph. */
final class ClipGraphTest {
    /** Of the largest value: float32 through some blocks and back, against double. */
    private static final double FLOAT = 1e-4;

    private static Device device;

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

    @Test
    void outputsAndGradientsAreTheReferences() {
        Seeds.run(12, random -> {
            try (ClipGraph graph = disturbed(random)) {
                int width = graph.shape().width(), size = 1 + random.nextInt(6);
                PairBatch batch = ClipModels.batch(graph.shape(), random, size);
                float[] ofPictures = Seeds.normal(random, size * width, 1);
                float[] ofCaptions = Seeds.normal(random, size * width, 1);
                graph.forward(batch);
                float[] pictures = floats(graph.pictures()), captions = floats(graph.captions());
                backward(graph, ofPictures, ofCaptions);
                var reference = new ClipReference(graph);
                close(pictures, reference.pictures(batch, array(ofPictures, width)), "pictures");
                close(captions, reference.captions(batch, array(ofCaptions, width)), "captions");
                reference.gradients().forEach((layer, gradients) -> compare(graph, layer, gradients));
            }
        });
    }

    private static void compare(ClipGraph graph, String layer, Map<String, INDArray> expected) {
        LayerRun<?> run = (LayerRun<?>) graph.graph().getLayer(layer);
        expected.forEach((name, array) -> {
            float[] found = floats(run.gradient(name));
            if (name.equals(PooledProjection.SCALE)) assertThat(found).containsExactly(0.25f);
            else close(found, array, layer + "." + name);
        });
    }

    private static void backward(ClipGraph graph, float[] ofPictures, float[] ofCaptions) {
        device.upload(ofPictures, 0, graph.pictureGradient(), ofPictures.length);
        device.upload(ofCaptions, 0, graph.captionGradient(), ofCaptions.length);
        graph.backward(0.25);
    }

    @Test
    void aBatchLeavesNothingBehind() {
        Seeds.run(3, random -> {
            try (ClipGraph graph = disturbed(random)) {
                PairBatch small = ClipModels.batch(graph.shape(), random, 2);
                PairBatch large = ClipModels.batch(graph.shape(), random, 7);
                float[] first = gradients(graph, small);
                assertThat(gradients(graph, large)).isNotEqualTo(first);
                assertThat(gradients(graph, small)).isEqualTo(first);
            }
        });
    }

    private static float[] gradients(ClipGraph graph, PairBatch batch) {
        float[] d =
                Seeds.normal(Seeds.generator(5), batch.size() * graph.shape().width(), 1);
        graph.forward(batch);
        backward(graph, d, d);
        return floats(graph.gradients());
    }

    /** What was trained is what runs: after every layer, whatever number of pictures was trained at a time. */
    @Test
    void theTowerThatIsWrittenIsTheOneInTraining() {
        Seeds.run(6, random -> {
            try (ClipGraph graph = disturbed(random)) {
                ClipShape shape = graph.shape();
                PairBatch batch = ClipModels.batch(shape, random, 3);
                graph.forward(batch);
                Path written = folder.resolve("tower" + random.nextLong());
                LlavaFiles.writeTower(written, graph.tower(), DType.F32, Optional.empty());
                try (Tower tower = Tower.open(written)) {
                    assertThat(tower.config()).isEqualTo(shape.pictures());
                    for (int layers = 0; layers <= shape.pictures().layers(); layers++) {
                        String reader = layers < shape.pictures().layers() ? "tower" + layers : "pictures";
                        INDArray hidden = graph.graph().getLayer(reader).input();
                        close(hidden(tower, layers, batch), hidden, "hidden " + layers);
                    }
                    LayerRun<?> exit = (LayerRun<?>) graph.graph().getLayer("pictures");
                    assertThat(tower.tensor("post_layernorm.weight").floats())
                            .isEqualTo(floats(exit.parameter(PooledProjection.GAIN)));
                    assertThat(tower.tensor("post_layernorm.bias").floats())
                            .isEqualTo(floats(exit.parameter(PooledProjection.BIAS)));
                }
            }
        });
    }

    private static float[] hidden(Tower tower, int layers, PairBatch batch) {
        ClipConfig config = tower.config();
        int each = (config.patches() + 1) * config.hiddenSize();
        float[] all = new float[batch.size() * each];
        Buffer into = device.allocate(DType.F32, each);
        try (ClipTower clip = new ClipTower(device, tower, layers)) {
            for (int i = 0; i < batch.size(); i++) {
                clip.hidden(batch.pixels()[i], into);
                device.download(into, all, i * each, each);
            }
        }
        device.free(into);
        return all;
    }

    @Test
    void groupsCoverTheParametersAndDecayMatricesOnly() {
        Seeds.run(3, random -> {
            try (ClipGraph graph = disturbed(random)) {
                long at = 0, decayed = 0, matrices = 0;
                for (TrainedModel.Group group : graph.groups()) {
                    assertThat(group.offset()).isEqualTo(at);
                    at += group.length();
                    if (group.decay()) decayed += group.length();
                }
                for (var layer : graph.graph().getLayers()) {
                    for (INDArray array : layer.paramTable().values()) {
                        if (array.rank() == 2) matrices += array.length();
                    }
                }
                assertThat(at).isEqualTo(graph.parameters().elements());
                assertThat(decayed).isEqualTo(matrices);
                List<Tensor> tower = graph.tower().tensors();
                assertThat(tower.stream().mapToLong(Tensor::elements).sum())
                        .isEqualTo(graph.shape().pictures().parameters());
            }
        });
    }

    @Test
    void theSeedDecides() {
        ClipShape shape = ClipModels.shape(Seeds.generator(1));
        try (ClipGraph a = ClipGraph.create(shape, device, 1);
                ClipGraph b = ClipGraph.create(shape, device, 1);
                ClipGraph c = ClipGraph.create(shape, device, 2)) {
            assertThat(floats(a.parameters())).isEqualTo(floats(b.parameters()));
            assertThat(floats(a.parameters())).isNotEqualTo(floats(c.parameters()));
            assertThat(Math.exp(a.logScale())).isCloseTo(1 / 0.07, within(1e-5));
        }
    }

    @Test
    void theScaleStaysAtMost100() {
        try (ClipGraph graph = ClipGraph.create(ClipModels.shape(Seeds.generator(1)), device, 1)) {
            LayerRun<?> exit = (LayerRun<?>) graph.graph().getLayer("captions");
            for (float moved : new float[] {-3, 0.5f, 4}) {
                device.upload(new float[] {moved}, 0, exit.parameter(PooledProjection.SCALE), 1);
                graph.limitScale();
                double expected = Math.min(100, Math.exp(moved) / 0.07);
                assertThat(Math.exp(graph.logScale())).isCloseTo(expected, within(1e-4 * expected));
            }
        }
    }

    @Test
    void refusesPicturesOfAnotherSizeAndCaptionsThatCannotBeRead() {
        ClipShape shape = ClipModels.shape(Seeds.generator(1));
        int values = shape.pictures().pictureValues();
        try (ClipGraph graph = ClipGraph.create(shape, device, 1)) {
            refuses(graph, new float[values + 1], new int[] {1}, "picture 0", (values + 1) + " values");
            refuses(graph, new float[values], new int[0], "caption 0", "0 tokens");
            refuses(graph, new float[values], new int[ClipModels.LONGEST + 1], "10 tokens", "1 to 9");
            refuses(graph, new float[values], new int[] {1, ClipModels.VOCABULARY}, "position 1", "0 to 22");
        }
    }

    private static void refuses(ClipGraph graph, float[] pixels, int[] caption, String... words) {
        PairBatch batch = new PairBatch(new float[][] {pixels}, new int[][] {caption}, new long[1]);
        assertThatThrownBy(() -> graph.forward(batch))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void toolsOfDl4jUnderstandTheGraph() {
        RandomGenerator random = Seeds.generator(3);
        try (ClipGraph graph = ClipGraph.create(ClipModels.shape(random), device, 1)) {
            ComputationGraph dl4j = graph.graph();
            assertThat(dl4j.summary()).contains("TowerBlock", "PatchEmbedding", "captions");
            ComputationGraphConfiguration conf = dl4j.getConfiguration();
            ComputationGraph again = new ComputationGraph(ComputationGraphConfiguration.fromJson(conf.toJson()));
            again.init();
            assertThat(again.getConfiguration().toJson()).isEqualTo(conf.toJson());
            assertThat(again.params()).isEqualTo(dl4j.params());
            PairBatch one = ClipModels.batch(graph.shape(), random, 1);
            graph.forward(one);
            INDArray patches = dl4j.getLayer("patchEmbedding").input().dup();
            INDArray tokens = Nd4j.createFromArray(one.captions()[0]).reshape(1, one.time());
            float[] pictures = floats(graph.pictures()), captions = floats(graph.captions());
            INDArray[] outputs = dl4j.output(patches, tokens);
            close(pictures, outputs[0], "pictures");
            close(captions, outputs[1], "captions");
        }
    }

    /** A new model with gains and biases moved off their first values. */
    private static ClipGraph disturbed(RandomGenerator random) {
        ClipGraph graph = ClipGraph.create(ClipModels.shape(random), device, random.nextLong());
        float[] values = floats(graph.parameters());
        for (int i = 0; i < values.length; i++) values[i] += (float) random.nextGaussian() * 0.1f;
        device.upload(values, 0, graph.parameters(), values.length);
        return graph;
    }

    private static INDArray array(float[] values, int width) {
        return Nd4j.createFromArray(values).castTo(DataType.DOUBLE).reshape(values.length / width, width);
    }

    private static float[] floats(Buffer buffer) {
        float[] values = new float[(int) buffer.elements()];
        device.download(buffer, values, 0, values.length);
        return values;
    }

    private static void close(float[] found, INDArray expected, String what) {
        double[] values = expected.dup('c').castTo(DataType.DOUBLE).data().asDouble();
        assertThat(found).as(what).hasSameSizeAs(values);
        double largest = Arrays.stream(values).map(Math::abs).max().orElse(0), off = 0;
        for (int i = 0; i < found.length; i++) off = Math.max(off, Math.abs(found[i] - values[i]));
        assertThat(off).as(what + ", largest " + largest).isLessThanOrEqualTo(FLOAT * (largest + 1e-3));
    }
}
