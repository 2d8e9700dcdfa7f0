package dev.outrider.data.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.text.Normalizer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NormaliseTest {
    @ParameterizedTest
    @CsvSource(ignoreLeadingAndTrailingWhitespace = false, textBlock = """
            a\\u0020\\u0020b,a b
            \\u0020a\\u0020,a
            a\\r\\nb\\rc,a\\nb\\nc
            a\\n\\n\\n\\nb,a\\n\\nb
            a\\u0020\\n\\u0020\\u0020b,a\\n\\u0020\\u0020b
            a\\n\\tb\\u0020\\tc,a\\n\\tb c
            a\\u00a0\\u2003b,a b
            e\\u0301,\\u00e9
            a\\u0000\\u0007b\\ufeffc,abc
            a\\ud83dz,az
            \\ud83d\\ude00,\\ud83d\\ude00
            a\\u2028b\\u0085c,a\\nb\\nc
            \\n\\t\\u0020,""")
    void spellsAlike(String raw, String expected) {
        assertThat(Normalise.text(unescaped(raw))).isEqualTo(expected == null ? "" : unescaped(expected));
    }

    private static String unescaped(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) != '\\') out.append(text.charAt(i));
            else if (text.charAt(i + 1) == 'u') {
                out.append((char) Integer.parseInt(text, i + 2, i + 6, 16));
                i += 5;
            } else out.append("\n\r\t".charAt("nrt".indexOf(text.charAt(++i))));
        }
        return out.toString();
    }

    @Test
    void isIdempotentAndLeavesNoControls() {
        char[] alphabet = "ab \t\n\r\u00a0\u0301\u0001\ud83d\ude00\ufeff\u212b\u2028e".toCharArray();
        Seeds.run(300, random -> {
            StringBuilder raw = new StringBuilder();
            for (int i = random.nextInt(40); i > 0; i--) raw.append(alphabet[random.nextInt(alphabet.length)]);
            String once = Normalise.text(raw.toString());
            assertThat(Normalise.text(once)).isEqualTo(once);
            assertThat(Normalizer.isNormalized(once, Normalizer.Form.NFC)).isTrue();
            assertThat(once)
                    .doesNotContainPattern("[\\p{Cc}&&[^\\n\\t]]")
                    .doesNotContainPattern("[ \t]$|[ \t]\n|\n\n\n");
        });
    }
}
