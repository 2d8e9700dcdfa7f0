package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.loss.CrossEntropy;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** A draft that reads all tokens and says some: gradients against the reference, files, and what is refused. */
class PrunedGraphTest {
    private static final DraftVocabulary MAP =
            new DraftVocabulary(37, new int[] {0, 2, 3, 7, 8, 9, 15, 20, 21, 30, 36, 35, 34});
    private static final ModelConfig WHOLE = Models.of(4, 2, 6, new RopeScaling.None(), false, false, false);
    private static final ModelConfig SHAPE = WHOLE.withOutputs(MAP.size());

    private static CpuDevice device;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static LlamaGraph create() {
        LlamaGraph graph = LlamaGraph.create(SHAPE, Optional.of(MAP), device, 3);
        device.scale(graph.parameters(), 4, graph.parameters().elements());
        return graph;
    }

    @Test
    void gradientsAgreeWithTheReference() {
        Seeds.run(3, random -> {
            Batch batch = Models.batch(WHOLE, random, 3, 7);
            try (LlamaGraph graph = create()) {
                LlamaReference reference = new LlamaReference(graph, DataType.DOUBLE);
                CrossEntropy loss = new CrossEntropy(device.threads(), graph.outputs());
                INDArray logits = reference.forward(batch);
                assertThat(logits.size(1)).isEqualTo(MAP.size());
                double found = graph.step(batch, loss, 0.1), expected = slope(logits, batch, 0.1);
                assertThat(found).isCloseTo(expected, within(1e-5 * expected));
                assertThat(loss.count(batch)).isBetween(1L, batch.count() - 1);
                reference.backward(logits);
                for (int i = 0; i < reference.gradients().size(); i++) compare(graph, reference, i);
            }
        });
    }

    /** Cross entropy's gradient over what can be said, in place of the logits; the loss is returned. */
    private static double slope(INDArray logits, Batch batch, double weight) {
        double sum = 0;
        for (int r = 0; r < batch.positions(); r++) {
            int label = batch.labels()[r] < 0 ? -1 : MAP.draft(batch.labels()[r]);
            boolean counts = batch.counted()[r] == 1 && label >= 0;
            INDArray row = logits.getRow(r), e = Transforms.softmax(row.dup());
            if (counts) sum -= Math.log(e.getDouble(label));
            row.assign(e.muli(counts ? weight : 0));
            if (counts) row.putScalar(label, row.getDouble(label) - weight);
        }
        return sum;
    }

    private static void compare(LlamaGraph graph, LlamaReference reference, int layer) {
        LayerRun<?> run = (LayerRun<?>) graph.graph().getLayer(layer);
        Map<String, INDArray> expected = reference.gradients().get(layer);
        expected.forEach((name, array) -> {
            INDArray found = Nd4j.createFromArray(floats(run.gradient(name)))
                    .castTo(DataType.DOUBLE)
                    .reshape(array.shape());
            double largest = array.amaxNumber().doubleValue();
            assertThat(found.sub(array).amaxNumber().doubleValue())
                    .as(layer + " " + name)
                    .isLessThanOrEqualTo(2e-5 * largest);
        });
    }

    private static float[] floats(Buffer buffer) {
        float[] values = new float[(int) buffer.elements()];
        device.download(buffer, values, 0, values.length);
        return values;
    }

    private static float[] logits(LlamaGraph graph, Batch batch) {
        Buffer out = device.allocate(DType.F32, (long) batch.positions() * MAP.size());
        graph.logits(batch, 0, batch.positions(), out);
        float[] values = floats(out);
        device.free(out);
        return values;
    }

    @Test
    void whatIsWrittenIsReadTrainedAndDecoded(@TempDir Path folder) {
        Batch batch = Models.batch(WHOLE, Seeds.generator(1), 1, 12);
        float[] expected;
        try (LlamaGraph graph = create()) {
            expected = logits(graph, batch);
            HuggingFace.write(folder, graph.config(), graph.tensors(), Optional.empty(), Optional.empty());
        }
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                LlamaGraph again = LlamaGraph.from(checkpoint, device);
                LlamaGraph other = LlamaGraph.create(SHAPE, Optional.of(MAP), device, 9);
                Llama decoder = Llama.open(folder, device, 16)) {
            assertThat(again.outputs()).contains(MAP);
            assertThat(logits(again, batch)).isEqualTo(expected);
            other.load(checkpoint);
            assertThat(logits(other, batch)).isEqualTo(expected);
            decoder.read(batch.tokens(), 0, 12, 1);
            float[] last = new float[MAP.size()];
            decoder.logits(0, last);
            for (int i = 0; i < last.length; i++) {
                assertThat(last[i]).isCloseTo(expected[11 * last.length + i], within(1e-4f));
            }
        }
    }

    @Test
    void aCheckpointOfAnotherMapIsRefused(@TempDir Path folder) {
        try (LlamaGraph graph = create()) {
            HuggingFace.write(folder, graph.config(), graph.tensors(), Optional.empty(), Optional.empty());
        }
        int[] ids = MAP.targets();
        ids[12] = 33;
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                LlamaGraph other = LlamaGraph.create(SHAPE, Optional.of(new DraftVocabulary(37, ids)), device, 9);
                LlamaGraph whole = LlamaGraph.create(WHOLE, device, 9)) {
            assertThatThrownBy(() -> other.load(checkpoint))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("d2t");
            assertThatThrownBy(() -> whole.load(checkpoint))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("lm_head.weight");
        }
    }

    @Test
    void headAndMapMustFit() {
        assertThatThrownBy(() -> LlamaGraph.create(SHAPE, device, 1))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("13 of 37 tokens");
        assertThatThrownBy(() -> LlamaGraph.create(WHOLE, Optional.of(MAP), device, 1))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("13 of 37 tokens");
        assertThatThrownBy(() -> LlamaGraph.create(WHOLE.withOutputs(12), Optional.of(MAP), device, 1))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("12 of 37 tokens");
    }
}
