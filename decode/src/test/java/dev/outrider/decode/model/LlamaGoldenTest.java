package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** LLaMA against what transformers computed, one folder of goldens/llama after another. */
@Tag("goldens")
public class LlamaGoldenTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What the models run on. */
    protected Device open() {
        return new CpuDevice(2);
    }

    static List<Path> cases() {
        List<Path> cases = Shared.cases("llama");
        assertThat(cases).as("folders of goldens/llama").isNotEmpty();
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    public void logits(Path folder) throws IOException {
        try (Device device = open();
                Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            Tensor ids = expected.tensor("input_ids"), logits = expected.tensor("logits");
            int rows = (int) ids.shape()[0], length = (int) ids.shape()[1];
            try (Llama model = Llama.open(folder.resolve("model"), device, length)) {
                assertNear(allLogits(model, ids.ints(), rows, length), logits);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    public void hiddenStatesAndTheirLogits(Path folder) throws IOException {
        try (Device device = open();
                Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            Tensor ids = expected.tensor("input_ids"), logits = expected.tensor("logits");
            int rows = (int) ids.shape()[0], length = (int) ids.shape()[1];
            try (Llama model = Llama.open(folder.resolve("model"), device, length)) {
                String last = "hidden." + model.config().layers();
                float[] hidden = new float[rows * length * model.config().hiddenSize()];
                float[] found = new float[rows * length * model.vocabulary()];
                for (int r = 0; r < rows; r++) teach(device, model, ids.ints(), r, length, hidden, found);
                assertNear(hidden, expected.tensor(last));
                assertNear(found, logits);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    public void aLongRow(Path folder) throws IOException {
        try (Device device = open();
                Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            int[] ids = expected.tensor("long.input_ids").ints();
            for (String name : expected.names()) {
                if (!name.startsWith("long.logits_last")) continue;
                Tensor logits = expected.tensor(name);
                int kept = (int) logits.shape()[logits.shape().length - 2];
                try (Llama model = Llama.open(folder.resolve("model"), device, ids.length)) {
                    model.read(ids, 0, ids.length, kept);
                    assertNear(kept(model, kept), logits);
                    model.truncate(0);
                    for (int i = 0; i < ids.length - kept; i++) model.read(ids, i, 1, 0);
                    model.read(ids, ids.length - kept, kept, kept);
                    assertNear(kept(model, kept), logits);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    public void loss(Path folder) throws IOException {
        JsonNode losses = JSON.readTree(folder.resolve("expected.json").toFile());
        try (Device device = open();
                Safetensors expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            Tensor ids = expected.tensor("input_ids");
            int rows = (int) ids.shape()[0], length = (int) ids.shape()[1];
            try (Llama model = Llama.open(folder.resolve("model"), device, length)) {
                float[] logits = allLogits(model, ids.ints(), rows, length);
                double plain = loss(logits, ids.ints(), rows, length);
                double masked = loss(logits, expected.tensor("labels_masked").ints(), rows, length);
                assertThat(plain).isCloseTo(losses.get("loss").asDouble(), within(1e-5 * plain));
                assertThat(masked).isCloseTo(losses.get("loss_masked").asDouble(), within(1e-5 * masked));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    public void greedyText(Path folder) throws IOException {
        JsonNode greedy = JSON.readTree(folder.resolve("greedy.json").toFile());
        int longest = greedy.get("max_new_tokens").asInt();
        assertThat(greedy.get("runs")).as("runs of greedy.json").isNotEmpty();
        for (JsonNode run : greedy.get("runs")) {
            int[] prompt = ints(run.get("prompt"));
            try (Device device = open();
                    Llama model = Llama.open(folder.resolve("model"), device, prompt.length + longest)) {
                List<Integer> ends = model.config().eosIds();
                assertThat(ends).containsExactlyInAnyOrderElementsOf(ends(greedy.get("eos_token_id")));
                assertThat(Greedy.text(model, prompt, longest, List.of())).isEqualTo(ints(run.get("greedy")));
                assertThat(Greedy.text(model, prompt, longest, ends)).isEqualTo(ints(run.get("greedy_until_eos")));
            }
        }
    }

    private static void teach(
            Device device, Llama model, int[] ids, int row, int length, float[] hidden, float[] logits) {
        int c = model.config().hiddenSize(), v = model.vocabulary();
        Buffer states = device.allocate(DType.F32, (long) length * c);
        Buffer out = device.allocate(DType.F32, (long) length * v);
        model.hidden(ids, row * length, length, states);
        model.head(states, length, out);
        device.download(states, hidden, row * length * c, length * c);
        device.download(out, logits, row * length * v, length * v);
    }

    private static float[] allLogits(Llama model, int[] ids, int rows, int length) {
        float[] all = new float[rows * length * model.vocabulary()];
        for (int r = 0; r < rows; r++) {
            model.truncate(0);
            model.read(ids, r * length, length, length);
            float[] row = kept(model, length);
            System.arraycopy(row, 0, all, r * row.length, row.length);
        }
        return all;
    }

    private static float[] kept(Llama model, int rows) {
        int v = model.vocabulary();
        float[] all = new float[rows * v], row = new float[v];
        for (int r = 0; r < rows; r++) {
            model.logits(r, row);
            System.arraycopy(row, 0, all, r * v, v);
        }
        return all;
    }

    // Mean cross entropy of the next labels that are not negative, in nats.
    private static double loss(float[] logits, int[] labels, int rows, int length) {
        int v = logits.length / (rows * length), counted = 0;
        double sum = 0;
        for (int at = 0; at < rows * length; at++) {
            if (at % length == length - 1 || labels[at + 1] < 0) continue;
            sum += surprise(logits, at * v, v, labels[at + 1]);
            counted++;
        }
        return sum / counted;
    }

    private static double surprise(float[] logits, int at, int v, int label) {
        double sum = 0;
        for (int i = 0; i < v; i++) sum += Math.exp(logits[at + i]);
        return Math.log(sum) - logits[at + label];
    }

    private static void assertNear(float[] found, Tensor expected) {
        double[] values = expected.doubles();
        double tolerance = 1e-4 * Arrays.stream(values).map(Math::abs).max().orElseThrow();
        assertThat(found).hasSize(values.length);
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i]).as(expected.name() + " at " + i).isCloseTo(values[i], within(tolerance));
        }
    }

    private static List<Integer> ends(JsonNode ids) {
        return (ids.isArray() ? StreamSupport.stream(ids.spliterator(), false) : Stream.of(ids))
                .filter(JsonNode::isInt)
                .map(JsonNode::asInt)
                .toList();
    }

    private static int[] ints(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
