package dev.outrider.trainer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Loss, logits and gradients of whole models against transformers' ({@code goldens/llama}). */
@Tag("goldens")
final class LlamaGraphGoldensTest {
    private static Device device;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    @Test
    void lossesAndLogits() throws IOException {
        for (Path folder : cases(f -> true)) {
            try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("model"));
                    LlamaGraph graph = LlamaGraph.from(checkpoint, device);
                    Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
                JsonNode json = new ObjectMapper()
                        .readTree(folder.resolve("expected.json").toFile());
                Tensor ids = expected.tensor("input_ids");
                loss(graph, batch(ids, ids), json.get("loss").doubleValue(), folder);
                loss(
                        graph,
                        batch(ids, expected.tensor("labels_masked")),
                        json.get("loss_masked").doubleValue(),
                        folder);
                logits(graph, batch(ids, ids), expected.tensor("logits"), folder);
            }
        }
    }

    private static void loss(LlamaGraph graph, Batch batch, double expected, Path folder) {
        double found = graph.evaluate(batch, new CrossEntropyOfTests()) / batch.count();
        assertThat(found).as(folder + " loss").isCloseTo(expected, within(1e-5));
    }

    private static void logits(LlamaGraph graph, Batch batch, Tensor expected, Path folder) {
        Buffer out = device.allocate(DType.F32, expected.elements());
        graph.logits(batch, 0, batch.positions(), out);
        float[] found = new float[(int) out.elements()];
        device.download(out, found, 0, found.length);
        device.free(out);
        close(found, expected.floats(), folder + " logits");
    }

    @Test
    void gradients() throws IOException {
        for (Path folder : cases(f -> Files.exists(f.resolve("gradients.safetensors")))) {
            try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("model"));
                    LlamaGraph graph = LlamaGraph.from(checkpoint, device);
                    Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"));
                    Safetensors gradients = Safetensors.open(folder.resolve("gradients.safetensors"))) {
                Tensor ids = expected.tensor("input_ids");
                Batch batch = batch(ids, ids);
                graph.step(batch, new CrossEntropyOfTests(), 1.0 / batch.count());
                List<Tensor> found = graph.gradientTensors();
                assertThat(found).extracting(Tensor::name).containsExactlyInAnyOrderElementsOf(gradients.names());
                for (Tensor g : found) {
                    close(g.floats(), gradients.tensor(g.name()).floats(), folder + " " + g.name());
                }
            }
        }
    }

    private static List<Path> cases(Predicate<Path> which) {
        List<Path> cases = Shared.cases("llama").stream().filter(which).toList();
        assertThat(cases).isNotEmpty();
        return cases;
    }

    /** @param labels the tokens, negative where a token is not to be predicted */
    private static Batch batch(Tensor ids, Tensor labels) {
        int[] wanted = labels.ints();
        byte[] supervised = new byte[wanted.length];
        for (int i = 0; i < wanted.length; i++) supervised[i] = (byte) (wanted[i] < 0 ? 0 : 1);
        return Batch.nextToken((int) ids.shape()[0], (int) ids.shape()[1], ids.ints(), supervised);
    }

    private static void close(float[] found, float[] expected, String what) {
        assertThat(found).as(what).hasSameSizeAs(expected);
        double largest = 0, off = 0;
        for (int i = 0; i < found.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            off = Math.max(off, Math.abs(found[i] - (double) expected[i]));
        }
        assertThat(off).as(what + ", largest " + largest).isLessThanOrEqualTo(1e-4 * largest);
    }
}
