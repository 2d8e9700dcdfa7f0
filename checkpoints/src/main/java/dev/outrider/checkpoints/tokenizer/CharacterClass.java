package dev.outrider.checkpoints.tokenizer;

/**
 * What the patterns of tokenizers tell apart. White space is Unicode's property White_Space, which is what
 * {@code \s} means to Oniguruma; the other classes are general categories.
 */
enum CharacterClass {
    /** {@code \p{L}}. */
    LETTER,
    /** {@code \p{N}}. */
    NUMBER,
    /** {@code \s}. */
    SPACE,
    OTHER;

    private static final CharacterClass[] ASCII = new CharacterClass[128];

    static {
        for (int c = 0; c < ASCII.length; c++) ASCII[c] = classify(c);
    }

    static CharacterClass of(int codePoint) {
        return codePoint < ASCII.length ? ASCII[codePoint] : classify(codePoint);
    }

    private static CharacterClass classify(int c) {
        if (Character.isLetter(c)) return LETTER;
        if (isSpace(c)) return SPACE;
        return switch (Character.getType(c)) {
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            default -> OTHER;
        };
    }

    private static boolean isSpace(int c) {
        return c >= 0x09 && c <= 0x0d || c == 0x85 || Character.isSpaceChar(c);
    }

    /** Where a run of this class that begins at {@code at} ends. */
    int end(String text, int at, int to) {
        int end = at;
        for (int c; end < to && of(c = text.codePointAt(end)) == this; end += Character.charCount(c)) {}
        return end;
    }
}
