package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** config.json: LlamaConfig's defaults, old and new spellings, and what is refused by name. */
class HuggingFaceConfigTest {
    @TempDir
    Path folder;

    private static final String LEAST = """
            {"model_type": "llama", "vocab_size": 40, "hidden_size": 16, "intermediate_size": 20,
             "num_hidden_layers": 3, "num_attention_heads": 4}""";

    /** The smallest configuration with keys added or replaced. */
    private ModelConfig read(String changes) throws IOException {
        ObjectNode json = (ObjectNode) Json.MAPPER.readTree(LEAST);
        json.setAll((ObjectNode) Json.MAPPER.readTree(changes));
        Files.writeString(folder.resolve("config.json"), json.toString());
        return HuggingFaceConfig.read(folder);
    }

    @Test
    void absentKeysTakeTheDefaultsOfLlamaConfig() throws IOException {
        assertThat(read("{}"))
                .isEqualTo(new ModelConfig(
                        40,
                        16,
                        20,
                        3,
                        4,
                        4,
                        4,
                        2048,
                        1e-6,
                        10000,
                        new RopeScaling.None(),
                        false,
                        false,
                        false,
                        1,
                        List.of(2),
                        DType.F32));
    }

    @Test
    void nullsMeanAbsentButForTokenIds() throws IOException {
        ModelConfig c = read("""
                {"num_key_value_heads": null, "head_dim": null, "rope_scaling": null, "rope_theta": null,
                 "bos_token_id": null, "eos_token_id": null}""");
        assertThat(c.kvHeads()).isEqualTo(4);
        assertThat(c.headDim()).isEqualTo(4);
        assertThat(c.bosId()).isEqualTo(-1);
        assertThat(c.eosIds()).isEmpty();
    }

    @Test
    void allSpellingsOfTypesAndRotationsAreRead() throws IOException {
        assertThat(read("{\"torch_dtype\": \"float16\"}").dtype()).isEqualTo(DType.F16);
        assertThat(read("{\"dtype\": \"bfloat16\"}").dtype()).isEqualTo(DType.BF16);
        assertThat(read("{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}")
                        .ropeScaling())
                .isEqualTo(new RopeScaling.Linear(2));
        assertThat(read("{\"rope_scaling\": {\"rope_type\": \"linear\", \"type\": \"linear\", \"factor\": 2.5}}")
                        .ropeScaling())
                .isEqualTo(new RopeScaling.Linear(2.5));
        ModelConfig c = read("""
                {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1,
                 "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}""");
        assertThat(c.ropeScaling()).isEqualTo(new RopeScaling.Llama3(8, 1, 4, 8192));
        assertThat(c.ropeTheta()).isEqualTo(500000);
        assertThat(read("{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 7.0}}")
                        .ropeTheta())
                .isEqualTo(7);
    }

    @Test
    void endTokensOfTheGenerationConfigGoFirst() throws IOException {
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [7, 9]}");
        assertThat(read("{\"eos_token_id\": 3}").eosIds()).containsExactly(7, 9);
        Files.writeString(folder.resolve("generation_config.json"), "{\"do_sample\": true}");
        assertThat(read("{\"eos_token_id\": 3}").eosIds()).containsExactly(3);
        assertThat(read("{\"eos_token_id\": [3, 4]}").eosIds()).containsExactly(3, 4);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of("{\"architectures\": [\"MistralForCausalLM\"]}", "architectures", "MistralForCausalLM"),
                Arguments.of("{\"model_type\": \"qwen2\"}", "model_type", "qwen2"),
                Arguments.of("{\"model_type\": null}", "model_type", "llama"),
                Arguments.of("{\"hidden_act\": \"gelu\"}", "hidden_act", "gelu"),
                Arguments.of("{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4.0}}", "rope_type", "yarn"),
                Arguments.of("{\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4.0}}", "key type", "dynamic"),
                Arguments.of("{\"rope_scaling\": {\"type\": \"linear\"}}", "rope_scaling", "no key factor"),
                Arguments.of("{\"rope_scaling\": {\"factor\": 4.0}}", "rope_scaling", "rope_type"),
                Arguments.of("{\"rope_scaling\": 3}", "rope_scaling", "an object"),
                Arguments.of("{\"quantization_config\": {\"bits\": 4}}", "quantization_config", "bits"),
                Arguments.of("{\"partial_rotary_factor\": 0.5}", "partial_rotary_factor", "0.5"),
                Arguments.of("{\"num_key_value_heads\": 3}", "num_key_value_heads", "a divisor"),
                Arguments.of("{\"head_dim\": 3}", "head_dim", "even"),
                Arguments.of("{\"hidden_size\": 18}", "hidden_size", "a multiple"),
                Arguments.of("{\"hidden_size\": 0}", "hidden_size", "above 0"),
                Arguments.of("{\"hidden_size\": 16.5}", "hidden_size", "16.5"),
                Arguments.of("{\"hidden_size\": \"16\"}", "hidden_size", "a whole number"),
                Arguments.of("{\"hidden_size\": 99999999999}", "hidden_size", "99999999999"),
                Arguments.of("{\"vocab_size\": null}", "config.json", "no key vocab_size"),
                Arguments.of("{\"num_hidden_layers\": 2000000000}", "num_hidden_layers", "at most"),
                Arguments.of("{\"rms_norm_eps\": -1}", "rms_norm_eps", "above 0"),
                Arguments.of("{\"tie_word_embeddings\": 1}", "tie_word_embeddings", "true or false"),
                Arguments.of("{\"dtype\": \"int8\"}", "dtype", "int8"),
                Arguments.of("{\"eos_token_id\": 40}", "eos_token_id", "40"),
                Arguments.of("{\"bos_token_id\": \"a\"}", "bos_token_id", "token ids"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refused")
    void whatIsNotUnderstoodIsRefusedByName(String changes, String key, String found) {
        assertFailure(() -> read(changes), Failure.Kind.DATA, "config.json", key, found);
    }

    @Test
    void brokenJsonIsShownWithItsLine() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\n\"vocab_size\": 3,\n\"vocab_size\": 4}");
        assertFailure(() -> HuggingFaceConfig.read(folder), Failure.Kind.DATA, "config.json, line 3", "Duplicate");
        Files.writeString(folder.resolve("config.json"), "{\"a\": }");
        assertFailure(() -> HuggingFaceConfig.read(folder), Failure.Kind.DATA, "config.json, line 1");
    }
}
