package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;
import java.util.List;

/**
 * Cuts a stretch into words before byte pairs are merged: what a tokenizer's pattern does, written as a scan
 * without backtracking. Where a pattern matches nothing, the text up to the next match is a word.
 */
enum Splitter {
    /** Every number character by itself. */
    DIGITS("\\p{N}") {
        @Override
        int end(String text, int at, int to) {
            return number(text, at, to, 1);
        }
    },
    /** Runs of number characters. */
    NUMBERS("\\p{N}+") {
        @Override
        int end(String text, int at, int to) {
            return number(text, at, to, Integer.MAX_VALUE);
        }
    },
    /** Digits three by three. */
    TRIPLES("[0-9][0-9][0-9]") {
        @Override
        int end(String text, int at, int to) {
            int end = at;
            while (end < to && !triple(text, end, to)) end++;
            return end > at ? end : at + 3;
        }
    },
    /** Runs of punctuation, as llama.cpp cuts where a file names no pattern. */
    PUNCTUATION("[\\p{P}\\$\\+<=>\\^~\\|]+") {
        @Override
        int end(String text, int at, int to) {
            boolean marks = punctuation(text.codePointAt(at));
            int end = at;
            for (int c; end < to && punctuation(c = text.codePointAt(end)) == marks; end += Character.charCount(c)) {}
            return end;
        }
    },
    /** What ByteLevel does with {@code use_regex}. */
    GPT2("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+") {
        @Override
        int end(String text, int at, int to) {
            int end = contraction(text, at, to, false);
            if (end > at) return end;
            end = run(text, text.charAt(at) == ' ' ? at + 1 : at, to);
            return end > 0 ? end : spaces(text, at, to);
        }
    },
    /** Llama 3: numbers in groups of up to three. */
    LLAMA3(modernPattern("\\p{N}{1,3}")) {
        @Override
        int end(String text, int at, int to) {
            return modern(text, at, to, 3);
        }
    },
    /** Qwen2: numbers digit by digit. */
    QWEN2(modernPattern("\\p{N}")) {
        @Override
        int end(String text, int at, int to) {
            return modern(text, at, to, 1);
        }
    };

    private static final List<String> CONTRACTIONS = List.of("s", "t", "re", "ve", "m", "ll", "d");

    private final String pattern;

    Splitter(String pattern) {
        this.pattern = pattern;
    }

    private static String modernPattern(String numbers) {
        return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + numbers
                + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    }

    /** The one of this pattern, or null where there is none. */
    static Splitter of(String pattern) {
        return Arrays.stream(values())
                .filter(s -> s.pattern.equals(pattern))
                .findFirst()
                .orElse(null);
    }

    /** As Oniguruma understands it. */
    String pattern() {
        return pattern;
    }

    /** Where the word that begins at {@code at} ends; only text[at, to) is looked at, which is not empty. */
    abstract int end(String text, int at, int to);

    /** Whether every character belongs to a match of the pattern. */
    boolean matchesAll() {
        return this == GPT2 || this == LLAMA3 || this == QWEN2;
    }

    private static int number(String text, int at, int to, int most) {
        boolean number = isNumber(text, at);
        int end = at;
        for (int n = 0; end < to && isNumber(text, end) == number && !(number && n == most); n++) {
            end += Character.charCount(text.codePointAt(end));
        }
        return end;
    }

    private static boolean isNumber(String text, int at) {
        return CharacterClass.of(text.codePointAt(at)) == CharacterClass.NUMBER;
    }

    private static boolean triple(String text, int at, int to) {
        return at + 3 <= to && digit(text, at) && digit(text, at + 1) && digit(text, at + 2);
    }

    private static boolean digit(String text, int at) {
        return text.charAt(at) >= '0' && text.charAt(at) <= '9';
    }

    private static boolean punctuation(int c) {
        return switch (Character.getType(c)) {
            case Character.CONNECTOR_PUNCTUATION,
                    Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION -> true;
            default -> c < 128 && "$+<=>^~|".indexOf(c) >= 0;
        };
    }

    // 's|'t|'re|'ve|'m|'ll|'d
    private static int contraction(String text, int at, int to, boolean anyCase) {
        if (text.charAt(at) != '\'') return at;
        for (String tail : CONTRACTIONS) {
            int end = at + 1 + tail.length();
            if (end <= to && same(text, at + 1, tail, anyCase)) return end;
        }
        return at;
    }

    private static boolean same(String text, int at, String tail, boolean anyCase) {
        for (int i = 0; i < tail.length(); i++) {
            char c = text.charAt(at + i);
            if ((anyCase ? folded(c) : c) != tail.charAt(i)) return false;
        }
        return true;
    }

    // U+017F, the long s, is an s without regard to case.
    private static char folded(char c) {
        if (c >= 'A' && c <= 'Z') return (char) (c + 'a' - 'A');
        return c == '\u017f' ? 's' : c;
    }

    // \p{L}+|\p{N}+|[^\s\p{L}\p{N}]+, or 0
    private static int run(String text, int at, int to) {
        if (at == to) return 0;
        CharacterClass sort = CharacterClass.of(text.codePointAt(at));
        return sort == CharacterClass.SPACE ? 0 : sort.end(text, at, to);
    }

    // \s+(?!\S)|\s+ : the last space stays with what follows, unless it is the only one.
    private static int spaces(String text, int at, int to) {
        int end = CharacterClass.SPACE.end(text, at, to);
        return end == to || end == at + 1 ? end : end - 1;
    }

    // The alternatives of Llama 3 and Qwen2 in order.
    private static int modern(String text, int at, int to, int numbers) {
        int end = contraction(text, at, to, true);
        if (end > at) return end;
        int c = text.codePointAt(at), next = at + Character.charCount(c);
        CharacterClass sort = CharacterClass.of(c);
        if (sort == CharacterClass.NUMBER) return number(text, at, to, numbers);
        int letters = sort == CharacterClass.LETTER || c == '\r' || c == '\n' ? at : next;
        end = CharacterClass.LETTER.end(text, letters, to);
        if (end > letters) return end;
        int others = c == ' ' ? next : at;
        end = CharacterClass.OTHER.end(text, others, to);
        return end > others ? breaks(text, end, to) : lines(text, at, to);
    }

    // [\r\n]*
    private static int breaks(String text, int at, int to) {
        int end = at;
        while (end < to && isBreak(text.charAt(end))) end++;
        return end;
    }

    // \s*[\r\n]+ up to the last line break, else as spaces
    private static int lines(String text, int at, int to) {
        int end = CharacterClass.SPACE.end(text, at, to);
        while (end > at && !isBreak(text.charAt(end - 1))) end--;
        return end > at ? end : spaces(text, at, to);
    }

    private static boolean isBreak(char c) {
        return c == '\r' || c == '\n';
    }
}
