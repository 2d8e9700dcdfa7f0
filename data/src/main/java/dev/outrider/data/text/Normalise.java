package dev.outrider.data.text;

import java.text.Normalizer;

/**
 * One spelling for texts that read alike: Unicode NFC; line ends as \n, at most one blank line; any kind of
 * space as ' ', runs of them within a line as one, none at its end (indentation stays); no control
 * characters, byte order marks or halves of surrogate pairs. Idempotent.
 */
final class Normalise {
    private static final char NONE = 0;

    private final StringBuilder out;
    private final StringBuilder gap = new StringBuilder();
    private int newlines;

    private Normalise(int length) {
        out = new StringBuilder(length);
    }

    static String text(String raw) {
        // Before and after: what is taken out may have stood between a letter and its accent.
        return nfc(clean(nfc(raw)));
    }

    private static String nfc(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFC);
    }

    private static String clean(String text) {
        Normalise pass = new Normalise(text.length());
        for (int i = 0; i < text.length(); i++) pass.take(folded(text, i));
        return pass.out.toString();
    }

    private void take(char c) {
        if (c == NONE) return;
        if (c == '\n') {
            newlines++;
            gap.setLength(0);
        } else if (c == ' ' || c == '\t') {
            gap.append(c);
        } else {
            separate();
            out.append(c);
        }
    }

    private void separate() {
        if (out.length() > 0 && newlines > 0)
            out.append("\n".repeat(Math.min(2, newlines))).append(gap);
        else if (out.length() > 0 && gap.length() > 0) out.append(' ');
        newlines = 0;
        gap.setLength(0);
    }

    // The character to take for the one at i; NONE for none.
    private static char folded(String text, int i) {
        char c = text.charAt(i);
        if (c == '\n' || c == '\t' || c > ' ' && c < 0x7f) return c;
        if (c == '\r') return i + 1 < text.length() && text.charAt(i + 1) == '\n' ? NONE : '\n';
        if (c == '\f' || c == 0x0b || c == 0x85) return '\n';
        if (Character.isSurrogate(c)) return paired(text, i, c) ? c : NONE;
        return switch (Character.getType(c)) {
            case Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> '\n';
            case Character.SPACE_SEPARATOR -> ' ';
            case Character.CONTROL -> NONE;
            default -> c == 0xfeff ? NONE : c;
        };
    }

    private static boolean paired(String text, int i, char c) {
        return Character.isHighSurrogate(c)
                ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
}
