package dev.outrider.checkpoints.tokenizer;

import java.util.ArrayList;
import java.util.List;

/**
 * How text is cut into the words that {@link BpeTrainer} counts: pieces never reach across. A word is a
 * run of letters, or of other signs, with the space mark before it; digits and line breaks stand alone, so
 * that numbers are written digit by digit. Tokenising does not cut: merges learnt within words stay there.
 */
public final class Words {
    private enum Sort {
        MARK,
        LETTER,
        DIGIT,
        BREAK,
        OTHER
    }

    private Words() {}

    /** The words of a text in order, spaces written as U+2581; joined they are the marked text. */
    public static List<String> split(String text) {
        String marked = Spaces.LLAMA.escape(text, true);
        List<String> words = new ArrayList<>();
        int from = 0;
        Sort before = null;
        for (int at = 0, c; at < marked.length(); at += Character.charCount(c)) {
            c = marked.codePointAt(at);
            Sort sort = sort(c);
            if (at > from && starts(before, sort)) {
                words.add(marked.substring(from, at));
                from = at;
            }
            before = sort;
        }
        if (from < marked.length()) words.add(marked.substring(from));
        return words;
    }

    private static boolean starts(Sort before, Sort sort) {
        return switch (sort) {
            case MARK, DIGIT, BREAK -> true;
            case LETTER, OTHER -> before != Sort.MARK && before != sort;
        };
    }

    private static Sort sort(int c) {
        if (c == Spaces.MARK) return Sort.MARK;
        if (Character.isDigit(c)) return Sort.DIGIT;
        if (c == '\n' || c == '\r') return Sort.BREAK;
        return Character.isLetter(c) || Character.getType(c) == Character.NON_SPACING_MARK ? Sort.LETTER : Sort.OTHER;
    }
}
