package dev.outrider.checkpoints.tokenizer;

/**
 * A part of a text, made ready for a model, and where its characters come from.
 *
 * @param origin where it begins in the text as given
 * @param prefix characters put in front, which count as the first one
 * @param starts where the characters after the prefix come from; null: from origin on, one by one
 * @param ends where that ends; null as starts
 */
record Stretch(String text, int origin, int prefix, int[] starts, int[] ends) {
    static Stretch of(String source, int from, int to) {
        return new Stretch(source.substring(from, to), from, 0, null, null);
    }

    /** The same stretch spelled otherwise, character by character. */
    Stretch respelled(String other) {
        return new Stretch(other, origin, prefix, starts, ends);
    }

    /** The same stretch with a character in front. */
    Stretch prefixed(char mark) {
        return new Stretch(mark + text, origin, prefix + 1, starts, ends);
    }

    /** Another text whose character i comes from [starts[i], ends[i]) of this stretch, which has no prefix. */
    Stretch mapped(String other, int[] from, int[] to) {
        int[] begins = new int[from.length], finishes = new int[from.length];
        for (int i = 0; i < from.length; i++) {
            begins[i] = start(from[i]);
            finishes[i] = to[i] > from[i] ? end(to[i] - 1) : begins[i];
        }
        return new Stretch(other, origin, 0, begins, finishes);
    }

    /** Where character {@code at} begins in the text as given. */
    int start(int at) {
        int i = Math.max(0, at - prefix);
        return starts == null ? origin + i : starts[i];
    }

    /** Where character {@code at} ends in the text as given. */
    int end(int at) {
        int i = Math.max(0, at - prefix);
        return ends == null ? origin + i + 1 : ends[i];
    }
}
