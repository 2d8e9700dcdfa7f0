package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a directory to a file and back: the same model, tokenizer and template. */
class ConversionTest {
    private static final Provenance PROVENANCE = Provenance.now("outrider convert", "", 0, "", "test");

    @TempDir
    Path folder;

    private Path model(ModelConfig config) {
        Path directory = folder.resolve("model");
        List<Tensor> tensors = Models.tensors(config, Seeds.generator(3));
        HuggingFace.write(directory, config, tensors, Optional.empty(), Optional.empty());
        return directory;
    }

    private Path convert(Path source, String target, GgufType type) {
        Path to = folder.resolve(target);
        assertThat(Conversion.convert(source, to, Optional.ofNullable(type), PROVENANCE))
                .isNotNull();
        return to;
    }

    private static void assertSameValues(Path a, Path b) {
        try (Checkpoint one = Checkpoint.open(a);
                Checkpoint other = Checkpoint.open(b)) {
            assertThat(one.names()).isEqualTo(other.names());
            for (String name : one.names()) {
                assertThat(one.tensor(name).floats())
                        .as(name)
                        .containsExactly(other.tensor(name).floats());
            }
        }
    }

    @Test
    void thereAndBack() {
        for (int seed = 0; seed < 5; seed++) {
            Path model = model(Models.config(Seeds.generator(seed)));
            Path gguf = convert(model, seed + ".gguf", null), back = convert(gguf, seed + "-back", null);
            assertSameValues(model, gguf);
            assertSameValues(model, back);
            assertThat(Provenance.read(gguf)).isPresent();
            assertThat(Provenance.read(back)).isPresent();
        }
    }

    @Test
    void nothingIsOverwritten() throws IOException {
        Path model = model(Models.config(Seeds.generator(0)));
        Path there = Files.writeString(folder.resolve("there.gguf"), "mine");
        assertThatThrownBy(() -> convert(model, "there.gguf", null))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("there.gguf", "something there already");
        assertThat(there).hasContent("mine");
    }

    @Test
    void aDirectoryIsNotQuantised() {
        Path model = model(Models.config(Seeds.generator(0)));
        assertThatThrownBy(() -> convert(model, "q", GgufType.Q8_0))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("Q8_0", "F32, F16 or BF16");
        assertThat(folder.resolve("q")).doesNotExist();
    }

    @Test
    @Tag("goldens")
    void llama2cBecomesGguf() {
        Path bin = Shared.asset("stories260K/stories260K.bin");
        Path gguf = convert(bin, "stories.gguf", GgufType.F32);
        assertSameValues(bin, gguf);
        try (Checkpoint one = Checkpoint.open(bin);
                Checkpoint other = Checkpoint.open(gguf)) {
            String text = "Once upon a time, Lily's 3 cats — naïve ones — ran.";
            assertThat(other.requireTokenizer().encode(text, false))
                    .containsExactly(one.requireTokenizer().encode(text, false));
        }
    }

    /** A byte-level tokenizer and its template, from a directory that transformers wrote. */
    @Test
    @Tag("goldens")
    void tokenizerAndTemplateGoAlong() throws IOException {
        Path model = model(ModelConfig.draft(49_152, 4, 4, 1, 1, 16, 1, 2));
        try (var files = Files.list(Shared.golden("tokenizers/smollm2"))) {
            for (Path file : files.toList()) Files.copy(file, model.resolve(file.getFileName()));
        }
        Path gguf = convert(model, "m.gguf", GgufType.BF16), back = convert(gguf, "back", null);
        try (Checkpoint first = Checkpoint.open(model);
                Checkpoint file = Checkpoint.open(gguf);
                Checkpoint last = Checkpoint.open(back)) {
            String text = "<|im_start|>user\nIt's 12345 naïve 北京!<|im_end|>\n";
            int[] ids = first.requireTokenizer().encode(text, true);
            assertThat(file.requireTokenizer().encode(text, true)).containsExactly(ids);
            assertThat(last.requireTokenizer().encode(text, true)).containsExactly(ids);
            String template = first.chatTemplate().orElseThrow().source();
            assertThat(file.chatTemplate().orElseThrow().source()).isEqualTo(template);
            assertThat(last.chatTemplate().orElseThrow().source()).isEqualTo(template);
        }
    }
}
