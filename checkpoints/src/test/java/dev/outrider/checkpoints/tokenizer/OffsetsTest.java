package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which characters of a text its tokens cover. */
class OffsetsTest {
    private static final Tokenizer SMALL = BpeTrainer.train(
            BpeTrainerTest.count("the cat sat on the mat; the hat was on the cat".repeat(3)), 310, List.of("<|user|>"));

    @Test
    void tokensCoverTheText() {
        Seeds.run(300, random -> {
            String[] known = {"the", " cat", " ", "  ", "\n", "<|user|>", "\ud83d\ude00", "\u00e9", "\u4e2d", "zq"};
            StringBuilder out = new StringBuilder();
            for (int n = random.nextInt(15); n > 0; n--) out.append(known[random.nextInt(known.length)]);
            for (boolean special : new boolean[] {true, false}) {
                Encoding e = SMALL.encodeWithOffsets(out.toString(), special);
                assertThat(e.ids()).isEqualTo(SMALL.encode(out.toString(), special));
                covers(out.toString(), e);
            }
        });
    }

    @Test
    void aMarkInFrontCoversTheFirstCharacter() {
        Encoding e = SMALL.encodeWithOffsets("zq<|user|> the\u00e9", true);
        // _ z q <|user|> _ _the and the two bytes of one character
        assertThat(e.starts()).startsWith(0, 0, 1, 2, 10).endsWith(14, 14);
        assertThat(e.ends()).startsWith(1, 1, 2, 10).endsWith(15, 15);
    }

    @Test
    void collapsedSpacesAreLeftOut() {
        Spaces spaces = new Spaces(Spaces.Prefix.EVERY, true, true);
        Stretch s = spaces.escape(Stretch.of("x  a   b ", 1, 9), true);
        assertThat(s.text()).isEqualTo("\u2581a\u2581b");
        assertThat(List.of(s.start(0), s.end(0), s.start(1), s.start(2), s.end(2), s.start(3), s.end(3)))
                .containsExactly(3, 4, 3, 4, 5, 7, 8);
    }

    /** In order, without gaps, and never in the middle of a character. */
    static void covers(String text, Encoding e) {
        int covered = 0;
        for (int i = 0; i < e.ids().length; i++) {
            assertThat(e.starts()[i]).as(text).isLessThanOrEqualTo(covered).isLessThan(e.ends()[i]);
            if (i > 0) assertThat(e.starts()[i]).isGreaterThanOrEqualTo(e.starts()[i - 1]);
            covered = Math.max(covered, e.ends()[i]);
        }
        assertThat(covered).as(text).isEqualTo(text.length());
    }
}
