package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.trainer.Batch;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is trained is what is served: written out, read back for training and for decoding. */
final class ExportTest {
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
    void aModelWrittenAndReadBackIsTheSame(ModelConfig config, @TempDir Path folder) {
        Batch batch = Models.batch(config, Seeds.generator(1), 1, 12);
        float[] expected;
        try (LlamaGraph graph = LlamaGraph.create(config, device, 1)) {
            disturb(graph);
            expected = logits(graph, batch);
            write(graph, folder.resolve("model"));
        }
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("model"));
                LlamaGraph again = LlamaGraph.from(checkpoint, device)) {
            assertThat(logits(again, batch)).isEqualTo(expected);
        }
        try (Llama decoder = Llama.open(folder.resolve("model"), device, 16)) {
            decoder.read(batch.tokens(), 0, 12, 12);
            float[] row = new float[config.vocabSize()];
            for (int r = 0; r < 12; r++) {
                decoder.logits(r, row);
                for (int i = 0; i < row.length; i++) {
                    assertThat(row[i]).isCloseTo(expected[r * row.length + i], within(1e-4f));
                }
            }
        }
    }

    @Test
    void refusesWeightsOfAnotherShape(@TempDir Path folder) {
        RopeScaling none = new RopeScaling.None();
        ModelConfig plain = Models.of(4, 4, 6, none, false, false, false);
        try (LlamaGraph graph = LlamaGraph.create(plain, device, 1)) {
            write(graph, folder.resolve("model"));
        }
        ModelConfig grouped = Models.of(4, 2, 6, none, false, false, false);
        ModelConfig biased = Models.of(4, 4, 6, none, false, true, false);
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("model"));
                LlamaGraph a = LlamaGraph.create(grouped, device, 1);
                LlamaGraph b = LlamaGraph.create(biased, device, 1)) {
            assertThatThrownBy(() -> a.load(checkpoint))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("k_proj.weight");
            assertThatThrownBy(() -> b.load(checkpoint))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("q_proj.bias");
        }
    }

    private static void write(LlamaGraph graph, Path folder) {
        HuggingFace.write(folder, graph.config(), graph.tensors(), Optional.empty(), Optional.empty());
    }

    /** Gains and biases off their first values. */
    private static void disturb(LlamaGraph graph) {
        float[] values =
                Seeds.normal(Seeds.generator(2), (int) graph.parameters().elements(), 0.3);
        for (TrainedModel.Group group : graph.groups()) {
            int at = (int) group.offset(), n = (int) group.length();
            device.upload(values, at, graph.parameters().slice(at, n), n);
        }
    }

    private static float[] logits(LlamaGraph graph, Batch batch) {
        Buffer out = device.allocate(
                DType.F32, (long) batch.positions() * graph.config().vocabSize());
        graph.logits(batch, 0, batch.positions(), out);
        float[] values = new float[(int) out.elements()];
        device.download(out, values, 0, values.length);
        device.free(out);
        return values;
    }

    private static org.assertj.core.data.Offset<Float> within(float tolerance) {
        return org.assertj.core.data.Offset.offset(tolerance);
    }
}
