package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Properties of encoding and decoding, on a small vocabulary trained here. */
class TokenizerTest {
    private static final Tokenizer SMALL = BpeTrainer.train(
            BpeTrainerTest.count(
                    "the cat sat on the mat; the hat was on the cat. 12 cats?\nNo: 3 na\u00efve r\u00e9sum\u00e9s"
                            .repeat(3)),
            330,
            List.of("<|user|>"));

    @Test
    void anyTextComesBack() {
        Seeds.run(300, random -> {
            String text = text(random);
            int[] ids = SMALL.encode(text, false);
            assertThat(SMALL.decode(ids)).isEqualTo(text);
            assertThat(ids).doesNotContain(0, 1, 2, 3);
        });
    }

    @Test
    void streamedTextIsTheSameAndNeverCutsACharacter() {
        Seeds.run(300, random -> {
            String text = text(random).replace("\uFFFD", "?");
            Detokenizer stream = new Detokenizer(SMALL);
            StringBuilder out = new StringBuilder();
            for (int id : SMALL.encode(text, false)) {
                String news = stream.push(id);
                assertThat(news).doesNotContain("\uFFFD");
                out.append(news);
            }
            assertThat(out.append(stream.flush()).toString()).isEqualTo(text);
        });
    }

    @Test
    void streamGivesWhatDecodingGivesForRandomIds() {
        Seeds.run(300, random -> {
            // From 4: special tokens; the bytes 0x00 to 0x7f alone are always text.
            int[] ids = random.ints(random.nextInt(40), 0, SMALL.size())
                    .filter(id -> id < 4 + 128 || id >= 4 + 256)
                    .toArray();
            assertThat(streamed(ids)).isEqualTo(SMALL.decode(ids));
        });
    }

    @Test
    void bytesThatAreNoTextDoNotStopTheStream() {
        int bad = id("<0xFF>");
        Detokenizer stream = new Detokenizer(SMALL);
        assertThat(stream.push(bad) + stream.push(bad) + stream.push(bad)).isEmpty();
        assertThat(stream.push(bad)).isEqualTo("\uFFFD".repeat(4));
        int[] cut = {id("<0xE2>"), id("<0x96>"), id("\u2581the")};
        assertThat(SMALL.decode(cut)).isEqualTo("\uFFFD\uFFFD the");
        assertThat(streamed(cut)).isEqualTo("\uFFFD\uFFFD the");
        assertThat(streamed(new int[] {id("\u2581the"), cut[0]})).isEqualTo("the\uFFFD");
    }

    @Test
    void specialTokensAreCutOutOnlyWhereAskedFor() {
        int[] ids = SMALL.encode("the<|user|>the</s>", true);
        assertThat(ids).containsExactly(id("\u2581the"), 3, id("\u2581the"), 2);
        assertThat(SMALL.decode(ids)).isEqualTo("the the");
        assertThat(SMALL.encode("the<|user|>", false)).doesNotContain(3);
        assertThat(SMALL.encode("", true)).isEmpty();
    }

    @Test
    void idsBeyondTheVocabularyAreLeftOut() {
        assertThat(SMALL.decode(new int[] {id("\u2581the"), SMALL.size() + 7, -1}))
                .isEqualTo("the");
        assertThat(SMALL.piece(SMALL.size())).isEqualTo("[" + SMALL.size() + "]");
    }

    @Test
    void unpairedSurrogatesBecomeReplacementCharacters() {
        assertThat(SMALL.decode(SMALL.encode("a\ud83d", false))).isEqualTo("a\uFFFD");
    }

    @Test
    void mergingWordByWordChangesNothing() {
        PieceTokenizer small = (PieceTokenizer) SMALL;
        MarkedBpe bpe = (MarkedBpe) small.model();
        Seeds.run(100, random -> {
            String marked = bpe.spaces().escape(text(random), true);
            Tokens whole = new Tokens(false);
            bpe.merge(marked, 0, marked.length(), new Merging(bpe.merges()), whole);
            String text = marked.isEmpty() ? "" : marked.substring(1).replace(Spaces.MARK, ' ');
            assertThat(small.encode(text, false)).isEqualTo(whole.toArray());
        });
    }

    @Test
    void writtenAndReadAgainItIsTheSame(@TempDir Path folder) throws Exception {
        TokenizerJson.write(folder, SMALL);
        Tokenizer read = Tokenizers.open(folder).orElseThrow();
        assertThat(read.hash()).isEqualTo(SMALL.hash());
        assertThat(List.of(read.bosId(), read.eosId(), read.specialId("<|user|>")))
                .isEqualTo(List.of(1, 2, 3));
        Seeds.run(50, random -> {
            String text = text(random) + "<|user|>" + text(random);
            assertThat(read.encode(text, true)).isEqualTo(SMALL.encode(text, true));
        });
    }

    @Test
    void hashTellsVocabulariesApart() {
        Tokenizer other = BpeTrainer.train(BpeTrainerTest.count("the cat sat on the mat"), 290, List.of());
        assertThat(other.hash()).isNotEqualTo(SMALL.hash()).hasSize(64);
    }

    private static int id(String piece) {
        for (int id = 0; id < SMALL.size(); id++) if (SMALL.piece(id).equals(piece)) return id;
        throw new AssertionError(piece);
    }

    private static String streamed(int[] ids) {
        Detokenizer stream = new Detokenizer(SMALL);
        StringBuilder out = new StringBuilder();
        for (int id : ids) out.append(stream.push(id));
        return out.append(stream.flush()).toString();
    }

    // Known words, spaces and line breaks, and characters from all of Unicode but U+2581, which means a space.
    private static String text(RandomGenerator random) {
        StringBuilder out = new StringBuilder();
        String[] known = {"the", " ", "  ", " cat", "\n", "<0x41>", "<s>", "7", "\u00ef", "."};
        for (int n = random.nextInt(30); n > 0; n--) {
            int c = random.nextInt(random.nextBoolean() ? 0x110000 : 0x800);
            boolean letter = random.nextBoolean() && Character.isValidCodePoint(c) && c != Spaces.MARK;
            if (letter && (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)) out.appendCodePoint(c);
            else out.append(known[random.nextInt(known.length)]);
        }
        assertThat(new String(out.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                .isEqualTo(out.toString());
        return out.toString();
    }
}
