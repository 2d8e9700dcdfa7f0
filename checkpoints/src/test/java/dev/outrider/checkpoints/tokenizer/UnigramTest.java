package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The unigram model against all ways to spell a text. */
class UnigramTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String[] LETTERS = {"a", "b", "c", "\u2581", "\ud83d\ude00"};

    @TempDir
    Path folder;

    @Test
    void findsTheBestOfAllWays() {
        Seeds.run(400, random -> {
            List<String> pieces = pieces(random, 12);
            double[] scores = random.doubles(pieces.size(), -8, -1).toArray();
            Unigram unigram = unigram(pieces, scores, false);
            String text = text(random, 9);
            Tokens out = new Tokens(true);
            out.enter(Stretch.of(text, 0, text.length()));
            unigram.coder().encode(text, 0, text.length(), out);
            double worst = Double.MAX_VALUE;
            for (int id = 1; id < scores.length; id++) worst = Math.min(worst, scores[id]);
            double best = best(text, 0, pieces, scores, worst - 10);
            Encoding found = out.encoding();
            OffsetsTest.covers(text, found);
            assertThat(sum(text, found, pieces, scores, worst - 10))
                    .as(text + " " + pieces)
                    .isCloseTo(best, within(1e-9));
        });
    }

    @Test
    void runsOfUnknownCharactersAreOneTokenOrTheirBytes() {
        List<String> pieces = List.of("<unk>", "a", "b");
        double[] scores = {0, -1, -2};
        assertThat(ids(unigram(pieces, scores, false), "a\u00e9\u00e8bx")).containsExactly(1, 0, 2, 0);
        List<String> withBytes = new ArrayList<>(pieces);
        for (int b = 0; b < 256; b++) withBytes.add(Vocabulary.byteName(b));
        double[] more = new double[withBytes.size()];
        System.arraycopy(scores, 0, more, 0, 3);
        Unigram bytes = unigram(withBytes, more, true);
        assertThat(ids(bytes, "a\u00e9b")).containsExactly(1, 3 + 0xc3, 3 + 0xa9, 2);
        assertThat(bytes.decode(new int[] {1, 3 + 0xc3, 3 + 0xa9, 2})).isEqualTo("a\u00e9b");
    }

    @Test
    void writtenAndReadAgainItIsTheSame() throws IOException {
        List<String> pieces = List.of("<unk>", "<s>", "</s>", "\u2581", "\u2581a", "a", "b", "ab", "\u2581ab\u2581a");
        double[] scores = {0, 0, 0, -2, -2.5, -3, -3.5, -4, -1};
        for (boolean apart : new boolean[] {true, false}) {
            for (Spaces.Prefix prefix : Spaces.Prefix.values()) {
                Tokenizer t = tokenizer(pieces, scores, prefix, apart);
                Path own = Files.createTempDirectory(folder, "json");
                TokenizerJson.write(own, t);
                Tokenizer again = TokenizerJson.read(own);
                assertThat(again.hash()).isEqualTo(t.hash());
                assertThat(again.encode("ab a<s> b", true)).isEqualTo(t.encode("ab a<s> b", true));
            }
        }
        Tokenizer whole = tokenizer(pieces, scores, Spaces.Prefix.EVERY, false);
        assertThat(whole.encode("ab a", false)).containsExactly(8);
        assertThat(whole.decode(new int[] {1, 8, 0})).isEqualTo("ab a");
        Tokenizer apart = tokenizer(pieces, scores, Spaces.Prefix.EVERY, true);
        assertThat(apart.encode("ab a", false)).containsExactly(3, 7, 4);
        assertThat(apart.encode("</s>ab", true)).containsExactly(2, 3, 7);
    }

    @Test
    void damageIsRefusedWithItsPlace() throws IOException {
        TokenizerJson.write(folder, tokenizer(List.of("<unk>", "a"), new double[2], Spaces.Prefix.EVERY, true));
        Path file = folder.resolve("tokenizer.json");
        ObjectNode root = (ObjectNode) JSON.readTree(file.toFile());
        root.withObject("/model").put("unk_id", 7);
        refused(root, "model, unk_id: found 7");
        root.withObject("/model").putNull("unk_id");
        refused(root, "model, unk_id: found null");
        root.withObject("/model").put("unk_id", 0).withArray("vocab").addArray().add("b");
        refused(root, "model, vocab[2]: found [\"b\"]");
        root.withObject("/model").withArray("vocab").remove(2);
        root.putObject("normalizer").put("type", "Precompiled");
        refused(root, "normalizer: found normaliser Precompiled");
        root.withObject("/model").put("byte_fallback", true);
        root.putNull("normalizer");
        refused(root, "no byte piece <0x00>");
    }

    private void refused(ObjectNode root, String names) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), root.toString());
        assertThatThrownBy(() -> TokenizerJson.read(folder))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(names);
    }

    private static Tokenizer tokenizer(List<String> pieces, double[] scores, Spaces.Prefix prefix, boolean apart) {
        Vocabulary vocabulary = vocabulary(pieces);
        Spaces spaces = new Spaces(prefix, false, prefix != Spaces.Prefix.NEVER);
        List<Added> added = new ArrayList<>();
        for (int id = 0; id < pieces.size(); id++) {
            if (vocabulary.kind(id) == Kind.CONTROL) added.add(Added.plain(id, pieces.get(id), true));
        }
        return new PieceTokenizer(
                vocabulary,
                new Unigram(vocabulary, scores, new Unigram.Options(spaces, 0, apart)),
                new AddedTokens(added),
                new AddedTokens(List.of()),
                Ends.llama(vocabulary.id("<s>"), vocabulary.id("</s>")));
    }

    private static Unigram unigram(List<String> pieces, double[] scores, boolean bytes) {
        Spaces spaces = new Spaces(Spaces.Prefix.NEVER, false, false);
        return new Unigram(vocabulary(pieces), scores, new Unigram.Options(spaces, bytes ? -1 : 0, false));
    }

    private static Vocabulary vocabulary(List<String> pieces) {
        List<Kind> kinds = new ArrayList<>();
        for (String piece : pieces) {
            boolean control = Set.of("<unk>", "<s>", "</s>").contains(piece);
            kinds.add(control ? Kind.CONTROL : Vocabulary.byteOf(piece) >= 0 ? Kind.BYTE : Kind.NORMAL);
        }
        return new Vocabulary("test", pieces, kinds);
    }

    private static int[] ids(Unigram unigram, String text) {
        Tokens out = new Tokens(false);
        unigram.coder().encode(text, 0, text.length(), out);
        return out.toArray();
    }

    // The greatest sum over all ways, by trying each.
    private static double best(String text, int at, List<String> pieces, double[] scores, double unknown) {
        if (at == text.length()) return 0;
        double best = Double.NEGATIVE_INFINITY;
        String one = Character.toString(text.codePointAt(at));
        for (int id = 1; id < scores.length; id++) {
            if (!text.startsWith(pieces.get(id), at)) continue;
            best = Math.max(best, scores[id] + best(text, at + pieces.get(id).length(), pieces, scores, unknown));
        }
        if (pieces.contains(one)) return best;
        return Math.max(best, unknown + best(text, at + one.length(), pieces, scores, unknown));
    }

    // What was found, recounted from ids and offsets.
    private static double sum(String text, Encoding found, List<String> pieces, double[] scores, double unknown) {
        double sum = 0;
        for (int i = 0; i < found.ids().length; i++) {
            String covered = text.substring(found.starts()[i], found.ends()[i]);
            int id = found.ids()[i];
            if (id > 0) assertThat(covered).isEqualTo(pieces.get(id));
            sum += id > 0 ? scores[id] : unknown * covered.codePointCount(0, covered.length());
        }
        return sum;
    }

    private static List<String> pieces(RandomGenerator random, int most) {
        Set<String> pieces = new TreeSet<>();
        while (pieces.size() < most) {
            String piece = text(random, 4);
            if (!piece.isEmpty()) pieces.add(piece);
        }
        List<String> list = new ArrayList<>(pieces);
        Collections.shuffle(list, new java.util.Random(random.nextLong()));
        list.addFirst("<unk>");
        return list;
    }

    private static String text(RandomGenerator random, int most) {
        StringBuilder out = new StringBuilder();
        for (int n = random.nextInt(most + 1); n > 0; n--) out.append(LETTERS[random.nextInt(LETTERS.length)]);
        return out.toString();
    }
}
