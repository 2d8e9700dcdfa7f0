package dev.outrider.checkpoints.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds tokens that are cut out of the text before merging: at each place the longest. */
final class AddedTokens {
    /**
     * One such token.
     *
     * @param special left as text where special tokens are not asked for
     * @param leftStrip takes the white space before it along
     * @param rightStrip takes the white space after it along
     * @param word only where no letter or digit adjoins
     */
    record Added(int id, String content, boolean special, boolean leftStrip, boolean rightStrip, boolean word) {
        static Added plain(int id, String content, boolean special) {
            return new Added(id, content, special, false, false, false);
        }
    }

    /** A part [from, to) of the text: a token, or text where id is -1. */
    record Span(int from, int to, int id) {}

    private final List<Added> all;
    private final Map<Character, List<Added>> byFirst = new HashMap<>();

    AddedTokens(List<Added> all) {
        this.all = List.copyOf(all);
        for (Added a : all) {
            byFirst.computeIfAbsent(a.content.charAt(0), c -> new ArrayList<>()).add(a);
        }
        Comparator<Added> longest = Comparator.comparingInt(a -> -a.content.length());
        byFirst.values().forEach(list -> list.sort(longest));
    }

    List<Added> all() {
        return all;
    }

    /** The parts of the text in order, without empty ones. */
    List<Span> split(String text, Tokenizer.SpecialAt special) {
        List<Span> spans = new ArrayList<>();
        int from = 0;
        for (int at = 0; at < text.length(); ) {
            Added found = byFirst.isEmpty() ? null : match(text, at, special);
            if (found == null) {
                at++;
                continue;
            }
            int start = found.leftStrip ? before(text, from, at) : at;
            int end = found.rightStrip ? after(text, at + found.content.length()) : at + found.content.length();
            if (start > from) spans.add(new Span(from, start, -1));
            spans.add(new Span(start, end, found.id));
            from = at = end;
        }
        if (from < text.length()) spans.add(new Span(from, text.length(), -1));
        return spans;
    }

    private Added match(String text, int at, Tokenizer.SpecialAt special) {
        for (Added a : byFirst.getOrDefault(text.charAt(at), List.of())) {
            boolean here = text.startsWith(a.content, at) && (!a.word || alone(text, at, a));
            if (here && (!a.special || special.parsed(at, at + a.content.length()))) return a;
        }
        return null;
    }

    private static boolean alone(String text, int at, Added a) {
        int end = at + a.content.length();
        return !(at > 0 && inWord(text.charAt(at - 1))) && !(end < text.length() && inWord(text.charAt(end)));
    }

    private static boolean inWord(char c) {
        return Character.isLetterOrDigit(c) || c == '_';
    }

    private static int before(String text, int limit, int at) {
        while (at > limit && Character.isWhitespace(text.charAt(at - 1))) at--;
        return at;
    }

    private static int after(String text, int at) {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
        return at;
    }
}
