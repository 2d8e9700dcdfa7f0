package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Conversion;
import dev.outrider.checkpoints.GgufType;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Models in GGUF files against what transformers computed with the very same values. */
@Tag("goldens")
class GgufModelTest {
    /** Above float32's own noise in a model of 30 layers; margins of greedy choices below it decide nothing. */
    private static final double CLEAR = 0.02;

    static List<Path> models() {
        return Shared.files("gguf", ".gguf").stream()
                .filter(p -> p.getFileName().toString().startsWith("llama-"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAreThoseOfTheDirectory(Path gguf) {
        String name = gguf.getFileName().toString();
        Path values = Shared.golden("llama").resolve(name.substring(6, name.length() - 5) + "/expected.safetensors");
        try (Device device = new CpuDevice(2);
                Safetensors expected = Safetensors.open(values)) {
            Tensor ids = expected.tensor("input_ids");
            int rows = (int) ids.shape()[0], length = (int) ids.shape()[1];
            try (Llama model = Llama.open(gguf, device, length)) {
                double[] logits = expected.tensor("logits").doubles();
                double most = Arrays.stream(logits).map(Math::abs).max().orElseThrow();
                for (int r = 0; r < rows; r++) assertNear(model, ids.ints(), r, length, logits, 1e-4 * most);
            }
        }
    }

    private static void assertNear(Llama model, int[] ids, int row, int length, double[] logits, double tolerance) {
        int v = model.vocabulary();
        float[] found = new float[v];
        model.truncate(0);
        model.read(ids, row * length, length, length);
        for (int t = 0; t < length; t++) {
            model.logits(t, found);
            int at = (row * length + t) * v;
            for (int i = 0; i < v; i++) assertThat((double) found[i]).isCloseTo(logits[at + i], within(tolerance));
        }
    }

    /** A really trained chat model, quantised: first logits, and text for as long as its choices are clear. */
    @Test
    @Tag("slow")
    void smolLm2SaysWhatItSaysElsewhere() throws IOException {
        assertGolden(Shared.smolLm2(), 128);
    }

    /** The same from its conversion to a Hugging Face directory in float32, which loses nothing. */
    @Test
    @Tag("slow")
    void smolLm2SaysTheSameFromADirectory(@TempDir Path folder) throws IOException {
        Path directory = folder.resolve("smollm2"), gguf = Shared.smolLm2();
        Provenance provenance = Provenance.now("outrider convert", "", 0, "", gguf.toString());
        Conversion.convert(gguf, directory, Optional.of(GgufType.F32), provenance);
        assertGolden(directory, 16);
    }

    private static void assertGolden(Path file, int longest) throws IOException {
        JsonNode cases = new ObjectMapper()
                .readTree(Shared.asset("smollm2/golden.json").toFile())
                .get("cases");
        try (Device device = new CpuDevice(2);
                Llama model = Llama.open(file, device, 256)) {
            for (int i = 0; i < cases.size(); i++) {
                assertFirstLogits(model, cases.get(i));
                assertText(model, cases.get(i), i % 4 == 0 ? longest : 8);
            }
        }
    }

    private static void assertFirstLogits(Llama model, JsonNode one) {
        int[] prompt = ints(one.get("prompt_ids"));
        float[] logits = new float[model.vocabulary()];
        model.truncate(0);
        model.read(prompt, 0, prompt.length, 1);
        model.logits(0, logits);
        JsonNode first = one.get("first_logits");
        int[] ids = ints(first.get("ids"));
        for (int i = 0; i < ids.length; i++) {
            double expected = first.get("values").get(i).asDouble();
            assertThat((double) logits[ids[i]]).as("id " + ids[i]).isCloseTo(expected, within(1e-4 * expected));
        }
    }

    private static void assertText(Llama model, JsonNode one, int most) {
        int[] expected = ints(one.get("generated_ids"));
        int clear = 0;
        while (clear < expected.length
                && clear < most
                && one.get("margins").get(clear).asDouble() > CLEAR) clear++;
        int[] found = Greedy.text(model, ints(one.get("prompt_ids")), clear, List.of());
        assertThat(found).as(one.get("text").asText()).isEqualTo(Arrays.copyOf(expected, clear));
    }

    private static int[] ints(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
