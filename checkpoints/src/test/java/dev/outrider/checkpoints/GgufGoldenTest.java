package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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

    /** Bit for bit what ggml's blocks stand for. */
    @Test
    void everyTypeIsSpeltOut() {
        try (GgufFile file = GgufFile.open(Shared.golden(TYPES.toString()));
                Safetensors expected = Safetensors.open(Shared.golden("gguf/types.safetensors"))) {
            assertThat(file.entries()).hasSizeGreaterThan(10);
            for (GgufFile.Entry entry : file.entries().values()) {
                Tensor values = expected.tensor("values." + entry.name());
                assertThat(entry.shape()).isEqualTo(values.shape());
                assertThat(spelt(file, entry)).as(entry.name()).containsExactly(values.floats());
            }
        }
    }

    private static float[] spelt(GgufFile file, GgufFile.Entry entry) {
        DType plain = entry.type().plain().orElse(null);
        if (plain != null) return new Tensor(entry.name(), plain, entry.shape(), file.data(entry)).floats();
        MemorySegment to = file.arena().allocate(4 * Tensor.elements(entry.shape()), 4);
        GgufBlocks.dequantise(entry.type(), file.data(entry), to);
        return new Tensor(entry.name(), DType.F32, entry.shape(), to).floats();
    }

    static List<Path> models() {
        return Shared.files("gguf", ".gguf").stream()
                .filter(p -> p.getFileName().toString().startsWith("llama-"))
                .toList();
    }

    /** The directory that the file was made from. */
    private static Path source(Path gguf) {
        String name = gguf.getFileName().toString();
        return gguf.resolve("../../llama/" + name.substring(6, name.length() - 5) + "/model")
                .normalize();
    }

    @ParameterizedTest
    @MethodSource("models")
    void aModelIsThatOfItsDirectory(Path gguf) {
        try (Checkpoint ours = Checkpoint.open(gguf);
                Checkpoint theirs = Checkpoint.open(source(gguf))) {
            assertThat(ours.config().eosIds())
                    .containsExactly(theirs.config().eosIds().getFirst());
            assertThat(shape(ours.config())).isEqualTo(shape(theirs.config()));
            assertThat(ours.names()).isEqualTo(theirs.names());
            for (String name : theirs.names()) {
                assertThat(ours.tensor(name).shape())
                        .isEqualTo(theirs.tensor(name).shape());
                assertThat(ours.tensor(name).floats())
                        .as(name)
                        .containsExactly(theirs.tensor(name).floats());
            }
        }
    }

    // GGUF has room for one end token and none for a padding token that is no token.
    private static String shape(ModelConfig c) {
        return c.toString().replaceAll("eosIds=\\[.*?], padId=-?\\d+", "");
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
