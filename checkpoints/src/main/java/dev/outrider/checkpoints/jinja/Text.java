package dev.outrider.checkpoints.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Python's strings: sequences of code points, with its white space; all lengths bounded. */
final class Text {
    /** Longest text in UTF-16 units: what a template may make, so that a hostile one ends. */
    static final int LONGEST = 1 << 25;

    private Text() {}

    static String bounded(String text) {
        if (text.length() > LONGEST) throw tooLong();
        return text;
    }

    static TemplateException tooLong() {
        return TemplateException.of("text of more than " + LONGEST + " characters");
    }

    static boolean space(int c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    private static IntPredicate among(String characters) {
        return characters == null ? Text::space : c -> characters.indexOf(c) >= 0;
    }

    /** @param characters white space where null */
    static String leftStrip(String text, String characters) {
        IntPredicate goes = among(characters);
        int from = 0;
        while (from < text.length() && goes.test(text.codePointAt(from))) {
            from += Character.charCount(text.codePointAt(from));
        }
        return text.substring(from);
    }

    static String rightStrip(String text, String characters) {
        IntPredicate goes = among(characters);
        int to = text.length();
        while (to > 0 && goes.test(text.codePointBefore(to))) to -= Character.charCount(text.codePointBefore(to));
        return text.substring(0, to);
    }

    static String strip(String text, String characters) {
        return leftStrip(rightStrip(text, characters), characters);
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    static List<Object> characters(String text) {
        List<Object> out = new ArrayList<>();
        text.codePoints().forEach(c -> out.add(Character.toString(c)));
        return out;
    }

    static String repeated(String text, long times) {
        if (times <= 0 || text.isEmpty()) return "";
        if (times > LONGEST / text.length()) throw tooLong();
        return text.repeat((int) times);
    }

    /** @param most replacements; negative for all */
    static String replace(String text, String old, String other, long most) {
        StringBuilder out = new StringBuilder();
        int from = 0;
        for (long n = 0; most < 0 || n < most; n++) {
            int found = text.indexOf(old, old.isEmpty() && n > 0 ? from + 1 : from);
            if (found < 0 || old.isEmpty() && n > text.length()) break;
            out.append(text, from, found).append(other);
            if (out.length() > LONGEST) throw tooLong();
            from = found + old.length();
        }
        return bounded(out.append(text, from, text.length()).toString());
    }

    /** @param most cuts; negative for all */
    static List<Object> split(String text, String separator, long most) {
        if (separator == null) return words(text, most);
        if (separator.isEmpty()) throw TemplateException.of("empty separator");
        List<Object> out = new ArrayList<>();
        int from = 0;
        for (int found; (most < 0 || out.size() < most) && (found = text.indexOf(separator, from)) >= 0; ) {
            out.add(text.substring(from, found));
            from = found + separator.length();
        }
        out.add(text.substring(from));
        return out;
    }

    static List<Object> splitRight(String text, String separator, long most) {
        if (most < 0) return split(text, separator, most);
        if (separator == null) separator = " ";
        List<Object> out = new ArrayList<>();
        int to = text.length();
        for (int found; out.size() < most && (found = lastBefore(text, separator, to)) >= 0; ) {
            out.addFirst(text.substring(found + separator.length(), to));
            to = found;
        }
        out.addFirst(text.substring(0, to));
        return out;
    }

    private static int lastBefore(String text, String separator, int to) {
        return to < separator.length() ? -1 : text.lastIndexOf(separator, to - separator.length());
    }

    private static List<Object> words(String text, long most) {
        List<Object> out = new ArrayList<>();
        String rest = leftStrip(text, null);
        while (!rest.isEmpty() && (most < 0 || out.size() < most)) {
            int end = 0;
            while (end < rest.length() && !space(rest.charAt(end))) end++;
            out.add(rest.substring(0, end));
            rest = leftStrip(rest.substring(end), null);
        }
        if (!rest.isEmpty()) out.add(rightStrip(rest, null));
        return out;
    }

    static List<Object> lines(String text, boolean ends) {
        List<Object> out = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            if ("\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(text.charAt(i)) < 0) continue;
            boolean pair = text.startsWith("\r\n", i);
            out.add(text.substring(from, ends ? i + (pair ? 2 : 1) : i));
            if (pair) i++;
            from = i + 1;
        }
        if (from < text.length()) out.add(text.substring(from));
        return out;
    }

    static String capitalised(String text) {
        if (text.isEmpty()) return text;
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(java.util.Locale.ROOT)
                + text.substring(first).toLowerCase(java.util.Locale.ROOT);
    }

    static String titled(String text) {
        StringBuilder out = new StringBuilder();
        boolean inside = false;
        for (int c : text.codePoints().toArray()) {
            out.appendCodePoint(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inside = Character.isLetter(c);
        }
        return out.toString();
    }

    /** HTML's five characters, as markupsafe writes them. */
    static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }
}
