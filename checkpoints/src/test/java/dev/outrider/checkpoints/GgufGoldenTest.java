package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Files that the Python package gguf wrote. */
@Tag("goldens")
class GgufGoldenTest {
    private static final Path TYPES = Path.of("gguf", "types.gguf");

    @Test
    void metadataOfEveryKindIsRead() {
        GgufMetadata metadata = GgufMetadata.read(Shared.golden(TYPES.toString()));
        assertThat(metadata.keys())
                .containsExactly(
                        "general.architecture", "golden.answer", "golden.text", "golden.numbers", "golden.flag");
        assertThat(metadata.text("golden.text")).contains("grüße");
        assertThat(metadata.integer("golden.answer")).contains(42);
        assertThat(metadata.flag("golden.flag")).contains(true);
        assertThat(metadata.floats("golden.numbers").orElseThrow()).containsExactly(1.5f, -2.5f, 0f);
    }

    @Test
    void tokenizersLieInTheMetadata() {
        for (Path file : Shared.files("gguf", ".gguf")) {
            GgufMetadata metadata = GgufMetadata.read(file);
            if (!metadata.has("tokenizer.ggml.tokens")) continue;
            List<String> tokens = metadata.strings("tokenizer.ggml.tokens").orElseThrow();
            assertThat(tokens).hasSize(metadata.integer("llama.vocab_size").orElseThrow());
            assertThat(metadata.integers("tokenizer.ggml.token_type").orElseThrow())
                    .hasSize(tokens.size());
            assertThat(metadata.floats("tokenizer.ggml.scores").orElseThrow()).hasSize(tokens.size());
        }
    }
}
