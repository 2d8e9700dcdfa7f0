package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.GgufTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import dev.outrider.checkpoints.tokenizer.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokenizers in GGUF metadata: small ones put together here, real ones there and back. */
class GgufTokenizerTest {
    private static final String GGML = "tokenizer.ggml.";
    private static final List<String> TEXT = List.of("\u2581a", "ab", "\u2581ab", "bc", "abc", "\u2581", "a", "b", "c");
    private static final int FIRST = 3 + 256, IMAGE = FIRST + TEXT.size(), UNUSED = IMAGE + 1;

    @TempDir
    Path folder;

    @Test
    void sentencePieceWithScores() throws IOException {
        Tokenizer t = read(llama());
        // (ab) has the best score after (_a), which begins the text; then abc.
        assertThat(t.encode("abc abc", false)).containsExactly(FIRST + 2, FIRST + 8, FIRST + 2, FIRST + 8);
        assertThat(t.encode("\u00e9", false)).containsExactly(FIRST + 5, 3 + 0xc3, 3 + 0xa9);
        assertThat(t.encode("a<img></s>a", true)).containsExactly(FIRST, IMAGE, 2, FIRST);
        assertThat(t.encode("<img></s>", false)).startsWith(IMAGE).doesNotContain(2);
        assertThat(t.decode(new int[] {1, FIRST + 2, UNUSED, 2})).isEqualTo("ab");
        assertThat(List.of(t.bosId(), t.eosId(), t.addsBos(), t.specialId("[PAD]")))
                .containsExactly(1, 2, true, -1);
        Map<String, GgufValue> bare = llama();
        bare.put(GGML + "add_space_prefix", GgufValue.of(false));
        bare.put(GGML + "add_bos_token", GgufValue.of(false));
        assertThat(read(bare).encode("ab", false)).containsExactly(FIRST + 1);
        assertThat(read(bare).addsBos()).isFalse();
    }

    @Test
    void writtenAndReadAgainItIsTheSame() throws IOException {
        for (Map<String, GgufValue> metadata : List.of(llama(), gpt2("qwen2"), gpt2("llama-bpe"), gpt2("default"))) {
            metadata.put("tokenizer.chat_template", GgufValue.of("{{ messages }}"));
            metadata.put(GGML + "padding_token_id", GgufValue.uint32(2));
            Tokenizer t = read(metadata);
            GgufVocabulary vocabulary = GgufVocabulary.of(t);
            Tokenizer again = read(vocabulary.metadata());
            assertThat(again.hash()).isEqualTo(t.hash());
            assertThat(List.of(again.bosId(), again.eosId(), again.addsBos()))
                    .isEqualTo(List.of(t.bosId(), t.eosId(), t.addsBos()));
            for (String key : List.of(GGML + "tokens", GGML + "pre", "tokenizer.chat_template")) {
                assertThat(vocabulary.metadata().get(key)).isEqualTo(metadata.get(key));
            }
            GgufTokens tokens = GgufTokens.of(t);
            assertThat(tokens.types()).isEqualTo(types(metadata));
            assertThat(tokens.padId()).isEqualTo(2);
            Path json = Files.createTempDirectory(folder, "json");
            TokenizerJson.write(json, t);
            assertThat(TokenizerJson.read(json).encode("ab 12345 \n\n<img>!", true))
                    .isEqualTo(t.encode("ab 12345 \n\n<img>!", true));
        }
    }

    @Test
    void patternsByName() throws IOException {
        List<String> words = List.of("1234", "a\t\tb", "$x");
        assertThat(pieces(gpt2("gpt-2"), words)).containsExactly("12 3 4", "a \u0109 \u0109 b", "$ x");
        assertThat(pieces(gpt2("smollm"), words)).containsExactly("1 2 3 4", "a \u0109 \u0109 b", "$ x");
        assertThat(pieces(gpt2("llama-bpe"), words)).containsExactly("12 3 4", "a \u0109 \u0109b", "$x");
        assertThat(pieces(gpt2("qwen2"), words)).containsExactly("1 2 3 4", "a \u0109 \u0109b", "$x");
    }

    @Test
    void whatIsUnknownIsRefusedByName() {
        refused(with(llama(), "model", GgufValue.of("bert")), "key tokenizer.ggml.model: found bert");
        refused(with(gpt2("gpt-2"), "pre", GgufValue.of("tekken")), "key tokenizer.ggml.pre: found tekken");
        int[] types = types(llama());
        types[7] = 9;
        refused(with(llama(), "token_type", GgufValue.int32s(types)), "type 9 for piece 7");
        refused(with(llama(), "token_type", GgufValue.int32s(new int[3])), "key tokenizer.ggml.token_type: found 3");
        refused(with(llama(), "scores", GgufValue.float32s(new float[3])), "key tokenizer.ggml.scores: found 3");
        refused(with(llama(), "eos_token_id", GgufValue.uint32(4000)), "key tokenizer.ggml.eos_token_id");
        refused(with(gpt2("gpt-2"), "merges", GgufValue.of(List.of("1 2", "1 zz"))), "merge 1 \"1 zz\"");
        Map<String, GgufValue> lacking = gpt2("gpt-2");
        lacking.remove(GGML + "merges");
        refused(lacking, "key tokenizer.ggml.merges");
    }

    @Test
    void aFileWithoutTokenizerHasNone() throws IOException {
        assertThat(open(Map.of("general.architecture", GgufValue.of("llama")))).isEmpty();
    }

    @Test
    void mergesThatAreNoScoresAreNotWritten() {
        // "th" comes first in words; (t, he) is then a way to spell "the" that scores allow and merges do not.
        Tokenizer trained = BpeTrainer.train(Map.of("the", 9L, "th", 9L, "he", 5L, "hex", 3L), 273, List.of());
        assertThatThrownBy(() -> GgufVocabulary.of(trained))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("merges that no scores of pieces stand for");
    }

    @Test
    @Tag("goldens")
    void realTokenizersComeBack() throws IOException {
        for (String name : List.of("llama", "smollm2")) {
            Tokenizer t = TokenizerJson.read(Shared.golden("tokenizers/" + name));
            assertThat(read(GgufVocabulary.of(t).metadata()).hash()).isEqualTo(t.hash());
        }
    }

    private void refused(Map<String, GgufValue> metadata, String names) {
        assertThatThrownBy(() -> read(metadata))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(names)
                .satisfies(e -> assertThat(((Failure) e).exitCode()).isEqualTo(3));
    }

    private List<String> pieces(Map<String, GgufValue> metadata, List<String> texts) throws IOException {
        Tokenizer t = read(metadata);
        List<String> out = new ArrayList<>();
        for (String text : texts) {
            List<String> pieces = new ArrayList<>();
            for (int id : t.encode(text, false)) pieces.add(t.piece(id));
            out.add(String.join(" ", pieces));
        }
        return out;
    }

    private Tokenizer read(Map<String, GgufValue> metadata) throws IOException {
        return open(metadata).orElseThrow();
    }

    private Optional<Tokenizer> open(Map<String, GgufValue> metadata) throws IOException {
        Path file = folder.resolve("model.gguf");
        GgufWriter.write(file, metadata, List.of());
        return Tokenizers.open(file);
    }

    private static Map<String, GgufValue> with(Map<String, GgufValue> metadata, String key, GgufValue value) {
        metadata.put(GGML + key, value);
        return metadata;
    }

    private static int[] types(Map<String, GgufValue> metadata) {
        long[] values = ((GgufValue.Wholes) metadata.get(GGML + "token_type")).values();
        int[] types = new int[values.length];
        for (int i = 0; i < types.length; i++) types[i] = (int) values[i];
        return types;
    }

    private static Map<String, GgufValue> llama() {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int b = 0; b < 256; b++) tokens.add(String.format("<0x%02X>", b));
        tokens.addAll(TEXT);
        tokens.addAll(List.of("<img>", "[PAD]"));
        int[] types = new int[tokens.size()];
        float[] scores = new float[tokens.size()];
        for (int id = 0; id < types.length; id++) {
            types[id] = id == 0 ? 2 : id < 3 ? 3 : id < FIRST ? 6 : id < IMAGE ? 1 : id == IMAGE ? 4 : 5;
            if (types[id] == 1) scores[id] = FIRST - id;
        }
        Map<String, GgufValue> m = new LinkedHashMap<>();
        m.put(GGML + "model", GgufValue.of("llama"));
        m.put(GGML + "pre", GgufValue.of("default"));
        m.put(GGML + "tokens", GgufValue.of(tokens));
        m.put(GGML + "scores", GgufValue.float32s(scores));
        m.put(GGML + "token_type", GgufValue.int32s(types));
        return m;
    }

    // Ids: two control tokens, one defined, then the bytes in their own order, then the results of merges.
    private static Map<String, GgufValue> gpt2(String pre) {
        List<String> tokens = new ArrayList<>(List.of("<|begin|>", "<|end|>", "<img>"));
        char spare = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean prints = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
            tokens.add(String.valueOf(prints ? (char) b : spare++));
        }
        List<String> merges = List.of("1 2", "\u0109 b", "$ x");
        merges.forEach(m -> tokens.add(m.replace(" ", "")));
        int[] types = new int[tokens.size()];
        for (int id = 0; id < types.length; id++) types[id] = id < 2 ? 3 : id == 2 ? 4 : 1;
        Map<String, GgufValue> m = new LinkedHashMap<>();
        m.put(GGML + "model", GgufValue.of("gpt2"));
        m.put(GGML + "pre", GgufValue.of(pre));
        m.put(GGML + "tokens", GgufValue.of(tokens));
        m.put(GGML + "token_type", GgufValue.int32s(types));
        m.put(GGML + "merges", GgufValue.of(merges));
        m.put(GGML + "bos_token_id", GgufValue.uint32(0));
        m.put(GGML + "eos_token_id", GgufValue.uint32(1));
        return m;
    }
}
