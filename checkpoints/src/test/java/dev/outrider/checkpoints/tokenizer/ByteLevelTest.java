package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Byte-level tokenizers of a small vocabulary, written here as Hugging Face writes them. */
class ByteLevelTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SPACE = "\u0120"; // how a space's byte is spelled
    private static final List<String> MERGES =
            List.of("t h", "th e", SPACE + " the", SPACE + " c", "a t", SPACE + "c at", "1 2", "\u00c3 \u00a9");
    private static final int BYTES = 256, SPECIAL = BYTES + 8, PLAIN = SPECIAL + 1;

    @TempDir
    Path folder;

    private ObjectNode root;

    @BeforeEach
    void writeSmall() {
        root = JSON.createObjectNode();
        ArrayNode added = root.putArray("added_tokens");
        added.addObject().put("id", SPECIAL).put("content", "<|end|>").put("special", true);
        added.addObject().put("id", PLAIN).put("content", "[x]").put("special", false);
        step("pre_tokenizer", "ByteLevel").put("add_prefix_space", false).put("use_regex", true);
        step("decoder", "ByteLevel");
        ObjectNode model = root.putObject("model").put("type", "BPE");
        ObjectNode vocab = model.putObject("vocab");
        for (int b = 0; b < BYTES; b++) vocab.put(String.valueOf(ByteAlphabet.letter(b)), b);
        ArrayNode merges = model.putArray("merges");
        for (String merge : MERGES) {
            vocab.put(merge.replace(" ", ""), vocab.size());
            merges.add(merge);
        }
    }

    @Test
    void mergesWithinWords() throws IOException {
        Tokenizer t = read();
        assertThat(t.encode("the the cat", false)).containsExactly(id("the"), id("_the"), id("_cat"));
        assertThat(t.encode("12th", false)).containsExactly(id("12"), id("th"));
        assertThat(t.encode("\u00e9\u00e8", false)).containsExactly(263, 0xc3, 0xa8);
        assertThat(t.encode("a<|end|>[x]", true)).containsExactly('a', SPECIAL, PLAIN);
        assertThat(t.encode("<|end|>[x]", false)).doesNotContain(SPECIAL).endsWith(PLAIN);
        assertThat(t.decode(new int[] {'a', SPECIAL, PLAIN, id("_the")})).isEqualTo("a[x] the");
        assertThat(List.of(t.bosId(), t.eosId(), t.specialId("<|end|>"))).containsExactly(-1, -1, SPECIAL);
        assertThat(t.addsBos()).isFalse();
    }

    @Test
    void textComesBackAndOffsetsCoverIt() throws IOException {
        Tokenizer t = read();
        Seeds.run(300, random -> {
            String text = text(random);
            Encoding e = t.encodeWithOffsets(text, false);
            assertThat(e.ids()).isEqualTo(t.encode(text, false)).isEqualTo(t.encode(text, false));
            assertThat(t.decode(e.ids())).isEqualTo(text);
            OffsetsTest.covers(text, e);
            for (int i = 0; i < e.ids().length; i++) {
                String alone = t.decode(new int[] {e.ids()[i]});
                if (!alone.contains("\uFFFD"))
                    assertThat(text.substring(e.starts()[i], e.ends()[i])).isEqualTo(alone);
            }
        });
    }

    @Test
    void aStreamNeverCutsACharacter() throws IOException {
        Tokenizer t = read();
        Seeds.run(200, random -> {
            String text = text(random);
            Detokenizer stream = new Detokenizer(t);
            StringBuilder out = new StringBuilder();
            for (int id : t.encode(text, false)) {
                String news = stream.push(id);
                assertThat(news).doesNotContain("\uFFFD");
                out.append(news);
            }
            assertThat(out.append(stream.flush()).toString()).isEqualTo(text);
        });
        // Each longest beginning of a character is one U+FFFD; bytes that would be a surrogate are three.
        assertThat(t.decode(new int[] {0xe4, 0xb8, 'a', 0xff, 0xed, 0xa0, 0x80, 0xf0, 0x9f}))
                .isEqualTo("\uFFFDa\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
    }

    @Test
    void bytesThatTheVocabularyLacksVanish() throws IOException {
        ObjectNode vocab = root.withObject("/model/vocab");
        vocab.remove("\u00a8");
        vocab.remove("z");
        vocab.put("other", 0xa8).put("another", (int) 'z');
        Tokenizer t = read();
        assertThat(t.encode("z\u00e8z", false)).containsExactly(0xc3);
        assertThat(t.encodeWithOffsets("az\u00e8", false).starts()).containsExactly(0, 2);
        root.withObject("/model").put("unk_token", "<|end|>");
        refused("model, unk_token", "an unknown token and a vocabulary that lacks bytes");
    }

    @Test
    void wholeWordsGoBeforeMergesWhereAskedFor() throws IOException {
        root.withObject("/model/vocab").put("cats", PLAIN + 1);
        assertThat(read().encode("cats", false)).containsExactly('c', id("at"), 's');
        root.withObject("/model").put("ignore_merges", true);
        assertThat(read().encode("cats", false)).containsExactly(PLAIN + 1);
        assertThat(read().encode("catsa", false)).hasSize(4);
    }

    @Test
    void composesWhereAskedFor() throws IOException {
        step("normalizer", "NFC");
        root.withArray("added_tokens")
                .addObject()
                .put("id", PLAIN + 1)
                .put("content", "e\u0301!")
                .put("normalized", true);
        Tokenizer t = read();
        assertThat(t.encode("e\u0301", false)).containsExactly(263);
        assertThat(t.encode("a\u00e9!", false)).containsExactly('a', PLAIN + 1);
        assertThat(t.encodeWithOffsets("xe\u0301y", false).ends()).containsExactly(1, 3, 4);
        Seeds.run(500, random -> {
            StringBuilder out = new StringBuilder();
            for (int n = random.nextInt(8); n > 0; n--) {
                int[] from = {'e', 0x1100, 0x1161, 0x300, 0xac00, 0x9be, 0x900, 0x1100, 0x11a0},
                        of = {1, 19, 21, 80, 30, 3, 0x800, 256, 40};
                int range = random.nextInt(from.length);
                out.appendCodePoint(from[range] + random.nextInt(of[range]));
            }
            String text = out.toString();
            Stretch composed = Composition.compose(Stretch.of(text, 0, text.length()));
            assertThat(composed.text()).isEqualTo(Normalizer.normalize(text, Normalizer.Form.NFC));
        });
    }

    @Test
    void stepsCutOneAfterTheOther() throws IOException {
        ObjectNode sequence = step("pre_tokenizer", "Sequence");
        ArrayNode steps = sequence.putArray("pretokenizers");
        steps.addObject().put("type", "Digits").put("individual_digits", true);
        ObjectNode split = steps.addObject()
                .put("type", "Split")
                .put("behavior", "Removed")
                .put("invert", true);
        split.putObject("pattern").put("Regex", Splitter.QWEN2.pattern());
        steps.addObject().put("type", "ByteLevel").put("use_regex", false);
        assertThat(read().encode("12 the", false)).containsExactly('1', '2', id("_the"));
    }

    @Test
    void bosAndEosOfTheTemplate() throws IOException {
        ObjectNode template = step("post_processor", "TemplateProcessing");
        ArrayNode single = template.putArray("single");
        single.addObject().putObject("SpecialToken").put("id", "<|end|>");
        single.addObject().putObject("Sequence").put("id", "A");
        Tokenizer t = read();
        assertThat(t.bosId()).isEqualTo(SPECIAL);
        assertThat(t.addsBos()).isTrue();
        TokenizerJson.write(folder, t);
        Tokenizer again = TokenizerJson.read(folder);
        assertThat(List.of(again.bosId(), again.addsBos())).isEqualTo(List.of(SPECIAL, true));
        assertThat(again.hash()).isEqualTo(t.hash());
        single.addObject().putObject("SpecialToken").put("id", "<|none|>");
        refused("post_processor, single[2], SpecialToken, id", "<|none|>");
    }

    @Test
    void unknownStepsAreRefusedByName() {
        step("pre_tokenizer", "ByteLevel").put("add_prefix_space", true);
        refused("pre_tokenizer, add_prefix_space", "add_prefix_space true");
        ArrayNode steps = step("pre_tokenizer", "Sequence").putArray("pretokenizers");
        ObjectNode split = steps.addObject().put("type", "Split").put("behavior", "Isolated");
        split.putObject("pattern").put("Regex", "\\w+");
        steps.addObject().put("type", "ByteLevel");
        refused("pre_tokenizer, pretokenizers[0], pattern, Regex", "\\w+");
        split.putObject("pattern").put("Regex", Splitter.LLAMA3.pattern());
        split.put("behavior", "MergedWithNext");
        refused("pre_tokenizer, pretokenizers[0], behavior", "MergedWithNext");
        split.put("type", "Whitespace");
        refused("pre_tokenizer, pretokenizers[0]", "pre-tokenizer Whitespace");
        step("pre_tokenizer", "ByteLevel");
        step("normalizer", "Lowercase");
        refused("normalizer", "normaliser Lowercase");
        root.putNull("normalizer");
        step("decoder", "WordPiece");
        refused("decoder", "decoder [WordPiece]");
        step("decoder", "ByteLevel");
        step("post_processor", "BertProcessing");
        refused("post_processor", "post-processor BertProcessing");
        root.putNull("post_processor");
        for (String type : List.of("WordPiece", "WordLevel")) {
            root.withObject("/model").put("type", type);
            refused("model", "model type " + type);
        }
    }

    private void refused(String place, String found) {
        assertThatThrownBy(this::read)
                .isInstanceOf(Failure.class)
                .hasMessageContaining("tokenizer.json, " + place + ": found ")
                .hasMessageContaining(found)
                .satisfies(e -> assertThat(((Failure) e).exitCode()).isEqualTo(3));
    }

    private ObjectNode step(String key, String type) {
        return root.putObject(key).put("type", type);
    }

    private Tokenizer read() throws IOException {
        Path own = Files.createTempDirectory(folder, "t");
        Files.writeString(own.resolve("tokenizer.json"), root.toString());
        return TokenizerJson.read(own);
    }

    private int id(String piece) {
        return root.at("/model/vocab").get(piece.replace("_", SPACE)).intValue();
    }

    private static String text(RandomGenerator random) {
        List<String> parts = new ArrayList<>();
        String[] known = {
            "the", " ", "  ", " cat", "\n", "12", "\u00e9", "[x]", "<|end|>", "'s", "\ud83d\ude00", "\u4e2d"
        };
        for (int n = random.nextInt(20); n > 0; n--) parts.add(known[random.nextInt(known.length)]);
        assertThat(Arrays.asList(known)).containsAll(parts);
        return String.join("", parts);
    }
}
