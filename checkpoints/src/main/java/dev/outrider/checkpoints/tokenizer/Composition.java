package dev.outrider.checkpoints.tokenizer;

import java.text.Normalizer;
import java.text.Normalizer.Form;

/** Unicode normalisation form C, and which characters each composed one comes from. */
final class Composition {
    private Composition() {}

    static Stretch compose(Stretch stretch) {
        String text = stretch.text();
        if (Normalizer.isNormalized(text, Form.NFC)) return stretch;
        StringBuilder out = new StringBuilder();
        Ids from = new Ids(), to = new Ids();
        for (int at = 0, end; at < text.length(); at = end) {
            end = cluster(text, at);
            out.append(Normalizer.normalize(text.substring(at, end), Form.NFC));
            while (from.size() < out.length()) {
                from.add(at);
                to.add(end);
            }
        }
        return stretch.mapped(out.toString(), from.toArray(), to.toArray());
    }

    // A character and the marks behind it; nothing composes across its end.
    private static int cluster(String text, int at) {
        int end = at;
        for (int c; end < text.length(); end += Character.charCount(c)) {
            c = text.codePointAt(end);
            if (end > at && !joins(c)) break;
        }
        return end;
    }

    private static boolean joins(int c) {
        return switch (Character.getType(c)) {
            case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK -> true;
            default -> c >= 0x1160 && c <= 0x11ff; // vowels and final consonants of Hangul
        };
    }
}
