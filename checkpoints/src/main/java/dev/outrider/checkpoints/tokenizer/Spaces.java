package dev.outrider.checkpoints.tokenizer;

/**
 * How spaces are written in pieces: each as U+2581, with one more in front of the text.
 *
 * @param prefix where the additional mark goes
 * @param collapse whether spaces at both ends go and several become one
 * @param strip whether decoding takes one leading space away from the whole text
 */
record Spaces(Prefix prefix, boolean collapse, boolean strip) {
    /** U+2581, the space mark. */
    static final char MARK = '\u2581';

    /** Where a mark is put in front. */
    enum Prefix {
        /** Every stretch of text between special tokens: LLaMA as published ("legacy"). */
        EVERY,
        /** Every stretch that does not begin with a space. */
        EVERY_UNLESS_SPACE,
        /** The stretch at the very start, unless it begins with a space ("legacy: false"). */
        FIRST_UNLESS_SPACE,
        NEVER
    }

    /** LLaMA as published. */
    static final Spaces LLAMA = new Spaces(Prefix.EVERY, false, true);

    /** The text with marks for spaces; nothing stays nothing. */
    String escape(String text, boolean first) {
        return escape(Stretch.of(text, 0, text.length()), first).text();
    }

    /** The stretch with marks for spaces; nothing stays nothing. */
    Stretch escape(Stretch stretch, boolean first) {
        Stretch kept = collapse ? collapsed(stretch) : stretch;
        Stretch marked = kept.respelled(kept.text().replace(' ', MARK));
        return !marked.text().isEmpty() && prefixed(marked.text(), first) ? marked.prefixed(MARK) : marked;
    }

    private boolean prefixed(String text, boolean first) {
        boolean spaced = text.charAt(0) == MARK;
        return switch (prefix) {
            case EVERY -> true;
            case EVERY_UNLESS_SPACE -> !spaced;
            case FIRST_UNLESS_SPACE -> first && !spaced;
            case NEVER -> false;
        };
    }

    private static Stretch collapsed(Stretch stretch) {
        String text = stretch.text();
        StringBuilder out = new StringBuilder();
        Ids from = new Ids(), to = new Ids();
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == ' ') end--;
        for (int at = 0; at < end; at++) {
            if (text.charAt(at) == ' ' && (at == 0 || text.charAt(at - 1) == ' ')) continue;
            out.append(text.charAt(at));
            from.add(at);
            to.add(at + 1);
        }
        return stretch.mapped(out.toString(), from.toArray(), to.toArray());
    }

    /** The text of a decoded whole: marks are already spaces. */
    String unescape(String text) {
        return strip && text.startsWith(" ") ? text.substring(1) : text;
    }
}
