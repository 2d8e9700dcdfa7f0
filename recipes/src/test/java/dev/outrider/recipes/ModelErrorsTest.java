package dev.outrider.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that are damaged or do not fit, given to the verbs that open them. */
class ModelErrorsTest {
    private static final String SHAPELESS = "target.shape=", UNTRAINED = "target.training=";

    @TempDir
    Path folder;

    private Path model;
    private Path weights;

    @BeforeEach
    void write() {
        model = Tiny.model(folder.resolve("model"));
        weights = model.resolve("model.safetensors");
    }

    /** inspect, chat and run say the same of a target. */
    private void everyVerb(Path target, int code, String... parts) throws IOException {
        String recipe = Tiny.recipe(folder).toString();
        CommandLineRun.of("inspect", target.toString()).failsWith(code, parts);
        CommandLineRun.of("chat", "--target", target.toString()).failsWith(code, parts);
        for (String plan : List.of("--plan", "")) {
            String[] args = {"run", plan, recipe, SHAPELESS, UNTRAINED, "target.checkpoint=" + target};
            CommandLineRun.of(Arrays.stream(args).filter(a -> !a.isEmpty()).toArray(String[]::new))
                    .failsWith(code, parts);
        }
    }

    @Test
    void truncatedWeights() throws IOException {
        byte[] whole = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(whole, whole.length - 100));
        everyVerb(model, 3, weights.toString(), "; expected ", "bytes");
        Files.write(weights, Arrays.copyOf(whole, 5));
        everyVerb(model, 3, weights.toString(), "5 bytes");
    }

    // The first tensor's end is moved into the second.
    @Test
    void overlappingTensors() throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) bytes.getLong(0);
        String header = new String(bytes.array(), 8, length, StandardCharsets.UTF_8);
        var begins =
                java.util.regex.Pattern.compile("\"data_offsets\":\\[(\\d+),").matcher(header);
        long later = begins.results()
                .mapToLong(m -> Long.parseLong(m.group(1)))
                .filter(b -> b > 0)
                .min()
                .orElseThrow();
        String moved = header.replace("\"data_offsets\":[" + later + ",", "\"data_offsets\":[" + (later - 4) + ",");
        byte[] text = moved.getBytes(StandardCharsets.UTF_8);
        assertThat(text.length)
                .as("same length, so that the data stays in place")
                .isLessThanOrEqualTo(length);
        System.arraycopy(Arrays.copyOf(text, length), 0, bytes.array(), 8, text.length);
        Arrays.fill(bytes.array(), 8 + text.length, 8 + length, (byte) ' ');
        Files.write(weights, bytes.array());
        everyVerb(model, 3, weights.toString(), "tensor ", "; expected ");
    }

    @Test
    void aMissingTensor() throws IOException {
        String missing = "model.layers.0.mlp.up_proj.weight";
        try (Checkpoint whole = Checkpoint.open(model)) {
            List<Tensor> rest = whole.names().stream()
                    .filter(n -> !n.equals(missing))
                    .map(whole::tensor)
                    .toList();
            Safetensors.write(folder.resolve("rest"), rest, Map.of());
        }
        Files.move(folder.resolve("rest"), weights, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        everyVerb(model, 3, model.toString(), missing);
    }

    @Test
    void foldersThatAreNoModel() throws IOException {
        everyVerb(Files.createDirectory(folder.resolve("empty")), 2, "without config.json", "a Hugging Face directory");
        Path text = Files.writeString(folder.resolve("notes.txt"), "hello");
        everyVerb(text, 2, text.toString(), "a file of another kind");
        Files.delete(weights);
        everyVerb(model, 3, model.toString(), "model.safetensors");
    }

    @Test
    void aModelWithoutATokenizer() throws IOException {
        Path bare = Tiny.model(folder.resolve("bare"), 290, Optional.empty());
        CommandLineRun.of("chat", "--target", bare.toString())
                .failsWith(3, bare + ": found no tokenizer; expected tokenizer.json", "Copy the model's tokenizer");
        String recipe = Tiny.recipe(folder).toString();
        CommandLineRun.of("run", recipe, SHAPELESS, UNTRAINED, "target.checkpoint=" + bare)
                .failsWith(3, bare + ": found no tokenizer");
        assertThat(CommandLineRun.of("inspect", bare.toString()).succeeds().out())
                .contains("tokenizer   none");
    }

    @Test
    void aTokenizerLargerThanTheVocabulary() throws IOException {
        Tokenizer tokenizer = Tiny.tokenizer();
        Path small = Tiny.model(folder.resolve("small"), tokenizer.size() - 1, Optional.of(tokenizer));
        String said = small + ": found a tokenizer of " + tokenizer.size() + " ids for a vocabulary of "
                + (tokenizer.size() - 1);
        CommandLineRun.of("chat", "--target", small.toString()).failsWith(3, said, "was trained with");
        String recipe = Tiny.recipe(folder).toString();
        CommandLineRun.of("run", recipe, SHAPELESS, UNTRAINED, "target.checkpoint=" + small)
                .failsWith(3, said);
    }

    @Test
    void aDraftOfAnotherTokenizer() {
        Tokenizer other = Tiny.tokenizer(Tiny.tokenizer().size(), "quite other words make quite another tokenizer");
        Path draft = Tiny.model(folder.resolve("draft"), other.size(), Optional.of(other));
        CommandLineRun.typing("hello\n", "chat", "--target", model.toString(), "--draft", draft.toString())
                .failsWith(2, draft.toString(), model.toString(), other.hash(), "must share one tokenizer");
    }

    @Test
    void aDraftOfAnotherVocabulary() {
        Tokenizer same = Tiny.tokenizer();
        Path draft = Tiny.model(folder.resolve("draft"), same.size() + 3, Optional.of(same));
        CommandLineRun.typing("hello\n", "chat", "--target", model.toString(), "--draft", draft.toString())
                .failsWith(2, "a vocabulary of " + (same.size() + 3) + " tokens", "the target's " + same.size());
    }

    @Test
    void settingsOfAConversation() {
        String target = model.toString();
        CommandLineRun.of("chat", "--target", target, "--gamma", "0").failsWith(2, "gamma: found 0; expected 1 to 16");
        CommandLineRun.of("chat", "--target", target, "--gamma", "17")
                .failsWith(2, "gamma: found 17; expected 1 to 16");
        CommandLineRun.of("chat", "--target", target, "--temperature", "-1")
                .failsWith(2, "temperature -1.0", "0 or more");
        CommandLineRun.of("chat", "--target", target, "--top-p", "0").failsWith(2, "top_p 0.0", "(0, 1]");
        CommandLineRun.of("chat", "--target", target, "--max-tokens", "0").failsWith(2, "max tokens 0", "1 or more");
        CommandLineRun.typing("the cat ".repeat(60) + "\n", "chat", "--target", target)
                .failsWith(2, "prompt: found ", "at most 64", "Shorten the prompt");
    }

    @Test
    void aConversationThatWorks() {
        String path = model.toString();
        assertThat(CommandLineRun.typing("the cat\n\n", "chat", "--target", path, "--draft", path)
                        .succeeds()
                        .out())
                .contains("tokens,", "τ");
    }
}
