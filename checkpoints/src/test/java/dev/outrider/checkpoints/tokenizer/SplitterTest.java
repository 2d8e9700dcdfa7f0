package dev.outrider.checkpoints.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The scans against the patterns they stand for, run by java.util.regex with Unicode's classes. */
class SplitterTest {
    private static final String[] TRICKY = {
        "'s",
        "'S",
        "'\u017f",
        "'ll",
        "'Re",
        "'v",
        "'",
        " ",
        "  ",
        "   ",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        "\u00a0",
        "\u2003",
        "\u0085",
        "\u200b",
        "\u180e",
        "a",
        "Z",
        "\u00e9",
        "e\u0301",
        "\u4e2d\u6587",
        "1",
        "12",
        "1234",
        "\u00b2",
        "\u0660",
        "\u2167",
        "\ud835\udfd9",
        ".",
        "...",
        "$",
        "^",
        "~|",
        "_",
        "-",
        "\u2014",
        "\u00ab",
        "\ud83d\ude00",
        "\ud800",
        "\uFFFD",
        "<|x|>"
    };

    @ParameterizedTest
    @EnumSource(Splitter.class)
    void cutsAsThePatternDoes(Splitter splitter) {
        Pattern pattern = Pattern.compile(splitter.pattern(), Pattern.UNICODE_CHARACTER_CLASS);
        Seeds.run(3000, random -> {
            String text = text(random);
            assertThat(scanned(splitter, text)).as(text).isEqualTo(matched(pattern, text));
        });
    }

    @ParameterizedTest
    @EnumSource(Splitter.class)
    void everyCharacterIsOfTheClassThatThePatternGivesIt(Splitter splitter) {
        Pattern pattern = Pattern.compile(splitter.pattern(), Pattern.UNICODE_CHARACTER_CLASS);
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            String text = "a" + Character.toString(c) + "\n1 " + Character.toString(c);
            if (!scanned(splitter, text).equals(matched(pattern, text))) {
                assertThat(scanned(splitter, text)).as("U+%04X", c).isEqualTo(matched(pattern, text));
            }
        }
    }

    @Test
    void aPatternLooksNoFurtherThanItsPart() {
        assertThat(Splitter.GPT2.end("a  b", 1, 3)).isEqualTo(3);
        assertThat(Splitter.GPT2.end("'re", 0, 2)).isEqualTo(1);
        assertThat(Splitter.LLAMA3.end("1234", 0, 2)).isEqualTo(2);
        assertThat(Splitter.TRIPLES.end("1234", 0, 2)).isEqualTo(2);
    }

    private static List<String> scanned(Splitter splitter, String text) {
        List<String> words = new ArrayList<>();
        for (int at = 0, end; at < text.length(); at = end) {
            end = splitter.end(text, at, text.length());
            words.add(text.substring(at, end));
        }
        return words;
    }

    private static List<String> matched(Pattern pattern, String text) {
        List<String> words = new ArrayList<>();
        Matcher matcher = pattern.matcher(text);
        int at = 0;
        for (; matcher.find(); at = matcher.end()) {
            if (matcher.start() > at) words.add(text.substring(at, matcher.start()));
            words.add(matcher.group());
        }
        if (at < text.length()) words.add(text.substring(at));
        return words;
    }

    private static String text(RandomGenerator random) {
        StringBuilder out = new StringBuilder();
        for (int n = random.nextInt(12); n > 0; n--) {
            if (random.nextInt(8) > 0) out.append(TRICKY[random.nextInt(TRICKY.length)]);
            else out.appendCodePoint(random.nextInt(Character.MAX_CODE_POINT + 1));
        }
        return out.toString();
    }
}
