package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The three file formats, written here byte by byte: the same ids from each, and every damage named. */
class TokenizerFilesTest {
    private static final int UNKNOWN = 2, CONTROL = 3, DEFINED = 4, BYTE = 6;
    private static final List<String> TEXT =
            List.of("\u2581a", "ab", "\u2581ab", "bc", "abc", "\u2581", "a", "b", "c", "\u00e9");

    @TempDir
    Path folder;

    @Test
    void allFormatsGiveTheSameIds() throws IOException {
        Tokenizer model = SentencePiece.read(model(bpe(), plain()));
        Tokenizer bin = Llama2cTokenizer.read(bin("tok.bin"));
        TokenizerJson.write(folder, model);
        Tokenizer json = TokenizerJson.read(folder);
        // By hand: (ab) has the best score after (_a), which begins the text: _a + bc, then abc.
        assertThat(model.encode("abc abc", false)).containsExactly(id("\u2581ab"), id("c"), id("\u2581ab"), id("c"));
        assertThat(model.encode("cabc", false)).containsExactly(id("\u2581"), id("c"), id("abc"));
        assertThat(model.encode("d\u00e9", false)).containsExactly(id("\u2581"), 3 + 'd', id("\u00e9"));
        Seeds.run(200, random -> {
            String text = random.ints(random.nextInt(20), 0, 6)
                    .mapToObj(
                            i -> List.of("a", "b", "c", " ", "\u00e9", "\u4e2d").get(i))
                    .reduce("", String::concat);
            assertThat(bin.encode(text, true)).isEqualTo(model.encode(text, true));
            assertThat(json.encode(text, true)).isEqualTo(model.encode(text, true));
            assertThat(model.decode(model.encode(text, true))).isEqualTo(text);
        });
        assertThat(List.of(bin.hash(), json.hash())).containsOnly(model.hash());
        assertThat(List.of(bin.bosId(), bin.eosId(), model.bosId(), model.eosId()))
                .isEqualTo(List.of(1, 2, 1, 2));
    }

    @Test
    void normaliserSettingsAreKept() throws IOException {
        Tokenizer bare = SentencePiece.read(model(bpe(), message(field(3, 0), field(4, 0))));
        assertThat(bare.encode("ab", false)).containsExactly(id("ab"));
        assertThat(bare.decode(new int[] {id("\u2581ab")})).isEqualTo(" ab");
        Tokenizer collapsing = SentencePiece.read(model(bpe(), message(field(4, 1))));
        assertThat(collapsing.encode("  ab   ab ", false)).containsExactly(id("\u2581ab"), id("\u2581ab"));
        assertThat(collapsing.encode("   ", false)).isEmpty();
        assertThatThrownBy(() -> TokenizerJson.write(folder, collapsing)).isInstanceOf(Failure.class);
    }

    @Test
    void unigramIsTheDefaultModel() throws IOException {
        // By score: _ab -2, bc -3, abc -4, c -8. Unknown characters are one token, or bytes where asked for.
        Tokenizer t = SentencePiece.read(model(new byte[0], plain()));
        assertThat(t.encode("abc", false)).containsExactly(id("\u2581a"), id("bc"));
        assertThat(t.encode("\u4e2d\u6587c", false)).containsExactly(id("\u2581"), 0, id("c"));
        Tokenizer bytes = SentencePiece.read(model(message(field(35, 1)), plain()));
        assertThat(bytes.encode("\u4e2d", false)).containsExactly(id("\u2581"), 3 + 0xe4, 3 + 0xb8, 3 + 0xad);
        assertThat(bytes.hash()).isNotEqualTo(t.hash());
    }

    @Test
    void userDefinedPiecesAreNeverMerged() throws IOException {
        byte[] defined = piece("ca", 0, DEFINED);
        Tokenizer t = SentencePiece.read(write("tokenizer.model", concat(pieces(), field(1, defined), bpeAndPlain())));
        int ca = 259 + TEXT.size();
        assertThat(t.encode("abcab", false)).containsExactly(id("\u2581ab"), ca, id("b"));
        assertThat(t.encode("abcab", true)).containsExactly(id("\u2581ab"), ca, id("b"));
    }

    @Test
    void otherKindsAreRefusedByName() throws IOException {
        refused(() -> SentencePiece.read(model(message(field(3, 3)), plain())), "model type word");
        refused(() -> SentencePiece.read(model(message(field(3, 4)), plain())), "model type char");
        byte[] nfkc = message(field(1, utf8("nmt_nfkc")), field(2, new byte[] {1, 2}));
        refused(() -> SentencePiece.read(model(bpe(), nfkc)), "normaliser nmt_nfkc");
        byte[] noBytes = concat(field(1, piece("<unk>", 0, UNKNOWN)), field(1, piece("a", 0, 1)), bpeAndPlain());
        refused(() -> SentencePiece.read(write("b.model", noBytes)), "no byte piece <0x00>");
        refused(() -> SentencePiece.read(write("e.model", new byte[0])), "no pieces");
    }

    @Test
    void damagedModelsAreRefusedWithTheirPlace() throws IOException {
        Path file = model(bpe(), plain());
        byte[] whole = Files.readAllBytes(file);
        Seeds.run(60, random -> {
            byte[] cut = Arrays.copyOf(whole, random.nextInt(whole.length - 20));
            readsOrFails(() -> SentencePiece.read(write("cut.model", cut)));
            byte[] spoilt = whole.clone();
            for (int i = 0; i < 3; i++) spoilt[random.nextInt(whole.length)] = (byte) random.nextInt();
            readsOrFails(() -> SentencePiece.read(write("spoilt.model", spoilt)));
        });
        refused(() -> SentencePiece.read(write("cut.model", Arrays.copyOf(whole, 500))), "cut.model, byte ");
        refused(() -> SentencePiece.read(folder.resolve("none.model")), "none.model");
    }

    @Test
    void damagedBinsAreRefusedWithTheirPlace() throws IOException {
        byte[] whole = Files.readAllBytes(bin("tok.bin"));
        refused(
                () -> Llama2cTokenizer.read(write("cut.bin", Arrays.copyOf(whole, whole.length - 1))),
                "cut.bin, piece " + (258 + TEXT.size()));
        ByteBuffer long1 =
                ByteBuffer.wrap(whole.clone()).order(ByteOrder.LITTLE_ENDIAN).putInt(8, 1 << 30);
        refused(() -> Llama2cTokenizer.read(write("long.bin", long1.array())), "piece 0");
        Seeds.run(60, random -> {
            byte[] spoilt = whole.clone();
            for (int i = 0; i < 3; i++) spoilt[random.nextInt(whole.length)] = (byte) random.nextInt();
            readsOrFails(() -> Llama2cTokenizer.read(write("spoilt.bin", spoilt)));
        });
    }

    @Test
    void damagedJsonIsRefusedWithItsPlace() throws IOException {
        TokenizerJson.write(folder, SentencePiece.read(model(bpe(), plain())));
        Path file = folder.resolve("tokenizer.json");
        String whole = Files.readString(file);
        refused(() -> json(whole.substring(0, 900)), "tokenizer.json, line ");
        refused(() -> json(whole.replace("\"BPE\"", "\"WordPiece\"")), "model type WordPiece");
        refused(() -> json(whole.replace("\"byte_fallback\" : true", "\"byte_fallback\" : false")), "byte fallback");
        refused(() -> json(whole.replace("\"Fuse\"", "\"Metaspace\"")), "decoder [Replace, ByteFallback, Metaspace");
        refused(() -> json(whole.replace("\"Prepend\"", "\"NFKC\"")), "normaliser NFKC");
        refused(() -> json(whole.replace("\"<0x0A>\" : 13", "\"<0x0A>\" : 12")), "model, vocab, ");
        refused(() -> json(whole.replace("\"<0x0A>\" : 13", "\"<0x0A>\" : \"x\"")), "model, vocab, <0x0A>");
        refused(() -> json(whole.replace("\"<0x0A>\" : 13,", "")), "no piece with id 13");
        refused(() -> json("{}"), "model");
        refused(() -> json("[]"), "model");
        ObjectNode root = (ObjectNode) new ObjectMapper().readTree(whole);
        int gap = 259 + TEXT.size();
        var added = root.withArray("added_tokens");
        added.addObject().put("id", gap + 1).put("content", "<x>");
        refused(() -> json(root.toString()), "no piece with id " + gap);
        added.remove(added.size() - 1);
        root.withObject("/model").putArray("merges").add("a b").add("a zz");
        refused(() -> json(root.toString()), "model, merges[1]");
        root.withObject("/model").putArray("merges").add("a b c");
        refused(() -> json(root.toString()), "model, merges[0]");
        root.putObject("pre_tokenizer").put("type", "ByteLevel");
        refused(() -> json(root.toString()), "byte fallback beside a byte-level step");
    }

    @Test
    void mergesMayBeWrittenAsOneText() throws IOException {
        Tokenizer model = SentencePiece.read(model(bpe(), plain()));
        TokenizerJson.write(folder, model);
        ObjectNode root = (ObjectNode)
                new ObjectMapper().readTree(folder.resolve("tokenizer.json").toFile());
        var old = root.withObject("/model").withArray("merges").deepCopy();
        var merges = root.withObject("/model").putArray("merges");
        old.forEach(m -> merges.add(m.get(0).textValue() + " " + m.get(1).textValue()));
        assertThat(json(root.toString()).hash()).isEqualTo(model.hash());
    }

    @Test
    void addedTokensTakeWhiteSpaceAlongAsTheySay() throws IOException {
        TokenizerJson.write(folder, SentencePiece.read(model(bpe(), plain())));
        ObjectNode root = (ObjectNode)
                new ObjectMapper().readTree(folder.resolve("tokenizer.json").toFile());
        int first = 259 + TEXT.size();
        Map<String, Integer> tokens = new TreeMap<>(Map.of("<l>", first, "<r>", first + 1, "word", first + 2));
        tokens.forEach((content, id) -> root.withArray("added_tokens")
                .addObject()
                .put("id", id)
                .put("content", content)
                .put("lstrip", content.equals("<l>"))
                .put("rstrip", content.equals("<r>"))
                .put("single_word", content.equals("word"))
                .put("special", !content.equals("word")));
        Tokenizer t = json(root.toString());
        assertThat(t.encode("ab <l>", true)).containsExactly(id("\u2581ab"), first);
        assertThat(t.encode("<r> \n ab", true)).containsExactly(first + 1, id("\u2581ab"));
        assertThat(t.encode("word", false)).containsExactly(first + 2);
        assertThat(t.encode("words", false)).doesNotContain(first + 2);
        assertThat(t.decode(new int[] {first + 2, first})).isEqualTo("word");
    }

    @Test
    void findsTheTokenizerOfAModel() throws IOException {
        assertThat(Tokenizers.open(folder)).isEmpty();
        Path model = folder.resolve("model.bin");
        int size = 259 + TEXT.size();
        ByteBuffer header =
                ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN).putInt(20, -size);
        Files.write(model, header.array());
        assertThat(Tokenizers.open(model)).isEmpty();
        bin("tokenizer.bin");
        assertThat(Tokenizers.open(model)).isPresent();
        Files.write(model, header.putInt(20, size + 1).array());
        assertThat(Tokenizers.open(model)).as("of another size").isEmpty();
        model(bpe(), plain());
        assertThat(Tokenizers.open(folder)).isPresent();
    }

    private interface Reading {
        Tokenizer read() throws IOException;
    }

    private static void refused(Reading reading, String names) {
        assertThatThrownBy(reading::read)
                .isInstanceOf(Failure.class)
                .hasMessageContaining(names)
                .satisfies(e -> assertThat(((Failure) e).exitCode()).isEqualTo(3));
    }

    // Damage that leaves a valid file may be read; nothing but a Failure may come out.
    private static void readsOrFails(Reading reading) throws IOException {
        try {
            assertThat(reading.read().size()).isPositive();
        } catch (Failure expected) {
            assertThat(expected.exitCode()).isEqualTo(3);
        }
    }

    private static int id(String piece) {
        return 259 + TEXT.indexOf(piece);
    }

    private Tokenizer json(String text) throws IOException {
        return TokenizerJson.read(write("tokenizer.json", utf8(text)));
    }

    private Path model(byte[] trainer, byte[] normaliser) throws IOException {
        return write("tokenizer.model", concat(pieces(), field(2, trainer), field(3, normaliser)));
    }

    private static byte[] bpe() throws IOException {
        return message(field(3, 2), field(41, 1), field(42, 2), field(35, 1));
    }

    private static byte[] plain() throws IOException {
        return message(field(1, utf8("identity")), field(3, 1), field(4, 0));
    }

    private static byte[] bpeAndPlain() throws IOException {
        return concat(field(2, bpe()), field(3, plain()));
    }

    private static byte[] pieces() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(field(1, piece("<unk>", 0, UNKNOWN)));
        out.write(field(1, piece("<s>", 0, CONTROL)));
        out.write(field(1, piece("</s>", 0, CONTROL)));
        for (int value = 0; value < 256; value++) out.write(field(1, piece(Vocabulary.byteName(value), 0, BYTE)));
        for (int i = 0; i < TEXT.size(); i++) out.write(field(1, piece(TEXT.get(i), -i, 1)));
        return out.toByteArray();
    }

    private static byte[] piece(String text, float score, int type) throws IOException {
        byte[] bits = ByteBuffer.allocate(5)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) (2 << 3 | 5))
                .putFloat(score)
                .array();
        return concat(field(1, utf8(text)), bits, type == 1 ? new byte[0] : field(3, type));
    }

    private Path bin(String name) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[] {9, 0, 0, 0});
        for (String special : List.of("<unk>", "\n<s>\n", "\n</s>\n")) out.write(entry(special, 0));
        for (int value = 0; value < 256; value++) out.write(entry(Vocabulary.byteName(value), 0));
        for (int i = 0; i < TEXT.size(); i++) out.write(entry(TEXT.get(i).replace('\u2581', ' '), -i));
        return write(name, out.toByteArray());
    }

    private static byte[] entry(String text, float score) throws IOException {
        byte[] head = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(score)
                .putInt(utf8(text).length)
                .array();
        return concat(head, utf8(text));
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] message(byte[]... fields) throws IOException {
        return concat(fields);
    }

    private static byte[] field(int number, int value) throws IOException {
        return concat(varint(number << 3), varint(value));
    }

    private static byte[] field(int number, byte[] bytes) throws IOException {
        return concat(varint(number << 3 | 2), varint(bytes.length), bytes);
    }

    private static byte[] varint(int value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (; value >= 0x80; value >>>= 7) out.write(value & 0x7f | 0x80);
        out.write(value);
        return out.toByteArray();
    }

    private static byte[] concat(byte[]... parts) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) out.write(part);
        return out.toByteArray();
    }
}
