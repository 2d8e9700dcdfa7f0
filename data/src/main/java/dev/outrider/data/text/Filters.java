package dev.outrider.data.text;

import dev.outrider.checkpoints.Failure;
import java.io.Serializable;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which documents are worth learning from, after the repetition rules of Gopher (arXiv 2112.11446, table A1).
 * The first rule that a document breaks counts. A share of 1 switches its rule off.
 *
 * @param minChars fewest characters
 * @param maxChars most characters
 * @param maxRepeatedLines largest share of non-blank lines that repeat an earlier one
 * @param ngram words of an n-gram
 * @param maxTopNgram largest share of the words that the most frequent n-gram may cover, if it comes twice
 * @param maxTopCharacter largest share of one character among those that are no spaces
 */
public record Filters(
        int minChars, int maxChars, double maxRepeatedLines, int ngram, double maxTopNgram, double maxTopCharacter)
        implements Serializable {
    /** Keeps everything that is not empty. */
    public static final Filters NONE = new Filters(1, Integer.MAX_VALUE, 1, 4, 1, 1);

    /** For text from the web and from books. */
    public static final Filters DEFAULT = new Filters(32, 1_000_000, 0.3, 4, 0.2, 0.4);

    public Filters {
        require(minChars >= 1 && maxChars >= minChars, "characters " + minChars + ".." + maxChars, "1 <= min <= max");
        require(ngram >= 1, "n-gram of " + ngram + " words", "1 or more");
        for (double share : new double[] {maxRepeatedLines, maxTopNgram, maxTopCharacter}) {
            require(share > 0 && share <= 1, "share " + share, "a number in (0, 1]");
        }
    }

    private static void require(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("text filters", found, expected, "Correct the setting.");
    }

    /** Judges a normalised text. */
    public Verdict judge(String text) {
        int chars = text.codePointCount(0, text.length());
        if (chars == 0) return Verdict.EMPTY;
        if (chars < minChars) return Verdict.TOO_SHORT;
        if (chars > maxChars) return Verdict.TOO_LONG;
        if (maxRepeatedLines < 1 && repeatedLines(text) > maxRepeatedLines) return Verdict.REPEATED_LINES;
        if (maxTopNgram < 1 && topNgram(text, ngram) > maxTopNgram) return Verdict.REPEATED_NGRAM;
        if (maxTopCharacter < 1 && topCharacter(text) > maxTopCharacter) return Verdict.REPEATED_CHARACTER;
        return Verdict.KEPT;
    }

    static double repeatedLines(String text) {
        Set<String> seen = new HashSet<>();
        int lines = 0;
        for (String line : text.split("\n")) {
            if (line.isBlank()) continue;
            lines++;
            seen.add(line);
        }
        return lines == 0 ? 0 : (lines - seen.size()) / (double) lines;
    }

    static double topNgram(String text, int n) {
        String[] words = text.split("\\s+");
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i + n <= words.length; i++) {
            counts.merge(String.join(" ", java.util.Arrays.asList(words).subList(i, i + n)), 1, Integer::sum);
        }
        int most = counts.isEmpty() ? 0 : Collections.max(counts.values());
        return most < 2 ? 0 : Math.min(1, most * n / (double) words.length);
    }

    static double topCharacter(String text) {
        Map<Integer, Integer> counts = new HashMap<>();
        text.codePoints().filter(c -> !Character.isWhitespace(c)).forEach(c -> counts.merge(c, 1, Integer::sum));
        int all = counts.values().stream().mapToInt(Integer::intValue).sum();
        return all == 0 ? 0 : Collections.max(counts.values()) / (double) all;
    }
}
