package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Model directories that transformers' save_pretrained wrote. */
@Tag("goldens")
class CheckpointGoldenTest {
    static List<Path> models() {
        List<Path> models = new ArrayList<>();
        Shared.cases("llama").forEach(c -> models.add(c.resolve("model")));
        models.addAll(Shared.cases("spd"));
        assertThat(models).isNotEmpty();
        return models;
    }

    static Stream<Path> singleFiles() {
        return models().stream().map(m -> m.resolve("model.safetensors")).filter(Files::exists);
    }

    @ParameterizedTest
    @MethodSource("models")
    void theConfigurationIsThatOfConfigJson(Path model) throws IOException {
        JsonNode json = Json.MAPPER.readTree(model.resolve("config.json").toFile());
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            ModelConfig c = checkpoint.config();
            Map<String, Object> ours = new HashMap<>(Map.of(
                    "vocab_size", c.vocabSize(),
                    "hidden_size", c.hiddenSize(),
                    "intermediate_size", c.intermediateSize(),
                    "num_hidden_layers", c.layers(),
                    "num_attention_heads", c.heads(),
                    "num_key_value_heads", c.kvHeads(),
                    "head_dim", c.headDim(),
                    "max_position_embeddings", c.maxPositions(),
                    "bos_token_id", c.bosId()));
            ours.forEach((key, value) ->
                    assertThat(value).as(key).isEqualTo(json.get(key).intValue()));
            assertThat(c.rmsNormEps()).isEqualTo(json.get("rms_norm_eps").doubleValue());
            assertThat(c.ropeTheta()).isEqualTo(json.get("rope_theta").doubleValue());
            assertThat(c.tiedEmbeddings())
                    .isEqualTo(json.get("tie_word_embeddings").booleanValue());
            assertThat(c.attentionBias()).isEqualTo(json.get("attention_bias").booleanValue());
            assertThat(c.mlpBias()).isEqualTo(json.get("mlp_bias").booleanValue());
            assertThat(c.eosIds()).isEqualTo(ids(json.get("eos_token_id")));
            assertThat(json.get("dtype").textValue()).isEqualTo(torchName(c.dtype()));
        }
    }

    private static List<Integer> ids(JsonNode node) {
        List<Integer> ids = new ArrayList<>();
        if (node.isInt()) ids.add(node.intValue());
        else node.forEach(n -> ids.add(n.intValue()));
        return ids;
    }

    private static String torchName(DType type) {
        return Map.of(DType.F32, "float32", DType.BF16, "bfloat16", DType.F16, "float16")
                .get(type);
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyTensorIsReadable(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            long parameters = 0;
            for (String name : checkpoint.names()) {
                Tensor t = checkpoint.tensor(name);
                parameters += t.elements();
                assertThat(Arrays.stream(t.doubles()).allMatch(Double::isFinite))
                        .as(name)
                        .isTrue();
            }
            assertThat(parameters).isEqualTo(checkpoint.config().parameters());
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void rotaryFrequenciesAreThoseOfTransformers(Path model) {
        Path expected = model.resolveSibling("expected.safetensors");
        if (!Files.exists(expected)) return;
        try (Checkpoint checkpoint = Checkpoint.open(model);
                Safetensors file = Safetensors.open(expected)) {
            double[] ours = checkpoint.config().inverseFrequencies();
            double[] theirs = file.tensor("inv_freq").doubles();
            assertThat(ours).hasSameSizeAs(theirs);
            for (int i = 0; i < ours.length; i++) assertThat(ours[i]).isCloseTo(theirs[i], within(1e-6 * theirs[i]));
        }
    }

    /** The reference implementation's bytes: header, order, padding. */
    @ParameterizedTest
    @MethodSource("singleFiles")
    void writingAgainGivesTheSameBytes(Path file, @org.junit.jupiter.api.io.TempDir Path folder) throws IOException {
        Path again = folder.resolve("again.safetensors");
        try (Safetensors read = Safetensors.open(file)) {
            Safetensors.write(again, read.names().stream().map(read::tensor).toList(), read.metadata());
        }
        assertThat(again).hasSameBinaryContentAs(file);
    }
}
