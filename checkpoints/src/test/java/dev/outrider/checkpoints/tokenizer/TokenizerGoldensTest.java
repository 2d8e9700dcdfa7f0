package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real LLaMA and SmolLM2 vocabularies against SentencePiece and Hugging Face. */
@Tag("goldens")
class TokenizerGoldensTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SEPARATOR = "\n__ggml_vocab_test__\n";

    @Test
    void conformanceVectorsOfLlamaCpp() throws IOException {
        conforms(SentencePiece.read(Shared.asset("llama-tokenizer/tokenizer.model")));
        conforms(gguf());
    }

    private static Tokenizer gguf() {
        return Tokenizers.open(Shared.asset("llama-tokenizer/ggml-vocab-llama-spm.gguf"))
                .orElseThrow();
    }

    private static void conforms(Tokenizer tokenizer) throws IOException {
        String name = "llama-tokenizer/ggml-vocab-llama-spm.gguf";
        String[] texts = Files.readString(Shared.asset(name + ".inp")).split(SEPARATOR, -1);
        List<String> lines = Files.readAllLines(Shared.asset(name + ".out"));
        assertThat(lines).isNotEmpty();
        for (int i = 0; i < lines.size(); i++) {
            int[] expected = Arrays.stream(lines.get(i).trim().split(" "))
                    .filter(s -> !s.isEmpty())
                    .mapToInt(Integer::parseInt)
                    .toArray();
            assertThat(tokenizer.encode(texts[i], false)).as(texts[i]).isEqualTo(expected);
        }
    }

    @Test
    void ggufOfLlamaAgrees() throws IOException {
        Tokenizer gguf = gguf();
        agrees(gguf, "llama/vectors-legacy-true.json");
        assertThat(gguf.hash())
                .isEqualTo(TokenizerJson.read(Shared.golden("tokenizers/llama")).hash());
        assertThat(List.of(gguf.bosId(), gguf.eosId(), gguf.addsBos())).isEqualTo(List.of(1, 2, true));
    }

    @Test
    void ggufOfSmolLm2Agrees(@TempDir Path folder) throws IOException {
        Tokenizer gguf = Tokenizers.open(Shared.smolLm2()).orElseThrow();
        agrees(gguf, "smollm2/vectors.json");
        Path golden = Shared.golden("tokenizers/smollm2");
        assertThat(gguf.hash()).isEqualTo(TokenizerJson.read(golden).hash());
        assertThat(List.of(gguf.bosId(), gguf.eosId(), gguf.addsBos())).isEqualTo(List.of(1, 2, false));
        TokenizerJson.write(folder, gguf);
        assertThat(TokenizerJson.read(folder).hash()).isEqualTo(gguf.hash());
        JsonNode config = JSON.readTree(folder.resolve("tokenizer_config.json").toFile());
        assertThat(config.get("chat_template").textValue())
                .isEqualTo(Files.readString(golden.resolve("chat_template.jinja")));
    }

    @Test
    void whatWasReadIsCopied(@TempDir Path folder) throws IOException {
        Path golden = Shared.golden("tokenizers/smollm2");
        TokenizerJson.write(folder, TokenizerJson.read(golden));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")) {
            assertThat(folder.resolve(name)).hasSameBinaryContentAs(golden.resolve(name));
        }
    }

    @Test
    void tokenizerJsonAgrees() throws IOException {
        agrees(TokenizerJson.read(Shared.golden("tokenizers/llama")), "llama/vectors-legacy-true.json");
    }

    @Test
    void tokenizerModelAgrees() throws IOException {
        Tokenizer model = SentencePiece.read(Shared.asset("llama-tokenizer/tokenizer.model"));
        agrees(model, "llama/vectors-legacy-true.json");
        Tokenizer json = TokenizerJson.read(Shared.golden("tokenizers/llama"));
        assertThat(model.hash()).isEqualTo(json.hash());
        assertThat(List.of(model.bosId(), model.eosId())).isEqualTo(List.of(json.bosId(), json.eosId()));
    }

    @Test
    void otherTreatmentOfSpacesAgrees(@TempDir Path folder) throws IOException {
        ObjectNode root = (ObjectNode) json("llama/tokenizer.json");
        root.setAll((ObjectNode) json("llama/legacy-false.json"));
        JSON.writeValue(folder.resolve("tokenizer.json").toFile(), root);
        agrees(TokenizerJson.read(folder), "llama/vectors-legacy-false.json");
    }

    @Test
    void aConfigBesideTheModelIsHeard(@TempDir Path folder) throws IOException {
        Files.copy(Shared.asset("llama-tokenizer/tokenizer.model"), folder.resolve("tokenizer.model"));
        Path config = folder.resolve("tokenizer_config.json");
        Files.writeString(config, "{\"legacy\": false}");
        agrees(Tokenizers.open(folder).orElseThrow(), "llama/vectors-legacy-false.json");
        Files.copy(Shared.golden("chat/llava_hf/tokenizer_config.json"), config, StandardCopyOption.REPLACE_EXISTING);
        Tokenizer llava = Tokenizers.open(folder).orElseThrow();
        assertThat(llava.encode("<image>", true)).containsExactly(32000);
        assertThat(List.of(llava.size(), llava.specialId("<pad>"))).containsExactly(32002, 32001);
    }

    @Test
    void writesTheMergesThatHuggingFaceConverts(@TempDir Path folder) throws IOException {
        Tokenizer model = SentencePiece.read(Shared.asset("llama-tokenizer/tokenizer.model"));
        TokenizerJson.write(folder, model);
        JsonNode ours = JSON.readTree(folder.resolve("tokenizer.json").toFile());
        for (Map.Entry<String, JsonNode> member : json("llama/tokenizer.json").properties()) {
            // Not by isEqualTo: the message would be the whole file.
            assertThat(member.getValue().equals(ours.get(member.getKey())))
                    .as(member.getKey())
                    .isTrue();
        }
        agrees(TokenizerJson.read(folder), "llama/vectors-legacy-true.json");
    }

    @Test
    void byteLevelAgrees() throws IOException {
        Tokenizer smollm2 = TokenizerJson.read(Shared.golden("tokenizers/smollm2"));
        agrees(smollm2, "smollm2/vectors.json");
        assertThat(smollm2.addsBos()).isFalse();
        assertThat(smollm2.piece(smollm2.bosId()) + smollm2.piece(smollm2.eosId()))
                .isEqualTo("<|im_start|><|im_end|>");
    }

    @Test
    void piecesOfAStreamAgree() throws IOException {
        Tokenizer smollm2 = TokenizerJson.read(Shared.golden("tokenizers/smollm2"));
        JsonNode root = json("smollm2/vectors.json");
        for (JsonNode v : root.get("vectors")) pieces(smollm2, ids(v, "ids_special"), v.get("pieces"));
        for (JsonNode v : root.get("sequences")) pieces(smollm2, ids(v, "ids"), v.get("pieces"));
    }

    // Special tokens, which transformers prints here, are not text to us; null is nothing yet.
    private static void pieces(Tokenizer tokenizer, int[] ids, JsonNode pieces) {
        Detokenizer stream = new Detokenizer(tokenizer);
        for (int i = 0; i < ids.length; i++) {
            String got = stream.push(ids[i]);
            boolean text = tokenizer.specialId(tokenizer.piece(ids[i])) < 0;
            JsonNode piece = pieces.get(i);
            String expected = text && !piece.isNull() ? piece.textValue() : "";
            assertThat(got).as(Arrays.toString(ids) + " " + i).isEqualTo(expected);
        }
    }

    private static JsonNode json(String name) throws IOException {
        return JSON.readTree(Shared.golden("tokenizers/" + name).toFile());
    }

    private static void agrees(Tokenizer tokenizer, String file) throws IOException {
        JsonNode root = json(file);
        assertThat(root.get("vectors")).isNotEmpty();
        for (JsonNode v : root.get("vectors")) {
            String text = v.get("text").textValue();
            assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(ids(v, "ids"));
            assertThat(tokenizer.encode(text, false)).as(text).isEqualTo(ids(v, "ids_literal"));
            decodes(tokenizer, ids(v, "ids_special"), v);
        }
        for (JsonNode v : root.get("sequences")) decodes(tokenizer, ids(v, "ids"), v);
    }

    private static void decodes(Tokenizer tokenizer, int[] ids, JsonNode vector) {
        String expected = vector.get("decoded_skip").textValue();
        assertThat(tokenizer.decode(ids)).isEqualTo(expected);
        String streamed = stream(tokenizer, ids);
        // Characters shown before their run of bytes turned out bad stay; the text is else the same.
        if (!expected.contains("\uFFFD")) assertThat(streamed).isEqualTo(expected);
    }

    private static String stream(Tokenizer tokenizer, int[] ids) {
        Detokenizer stream = new Detokenizer(tokenizer);
        StringBuilder out = new StringBuilder();
        for (int id : ids) out.append(stream.push(id));
        return out.append(stream.flush()).toString();
    }

    private static int[] ids(JsonNode vector, String key) {
        List<Integer> ids = new ArrayList<>();
        vector.get(key).forEach(id -> ids.add(id.intValue()));
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }
}
