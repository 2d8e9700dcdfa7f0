package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;

/**
 * Text from ids that come one at a time, for any tokenizer. What a new id adds is the difference of two
 * decodings: of the last ids given out, without and with it. While the end is U+FFFD a character may be
 * unfinished and nothing is given out. All pushes and the flush together give what
 * {@link Tokenizer#decode} gives for all ids, but for characters given out before their run of bytes
 * turned out not to be UTF-8. For one thread.
 */
public final class Detokenizer {
    // An unfinished character has at most three bytes.
    private static final String HOPELESS = "\uFFFD".repeat(4);

    private final Tokenizer tokenizer;
    private int[] window = new int[16];
    private int size;
    private int shown;
    private String shownText = "";

    public Detokenizer(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** The text that became certain with this id; often empty, never half a character. */
    public String push(int id) {
        if (size == window.length) window = Arrays.copyOf(window, size * 2);
        window[size++] = id;
        String text = text(0);
        if (text.length() <= shownText.length()) return "";
        return text.endsWith("\uFFFD") && !text(shown).endsWith(HOPELESS) ? "" : show(text);
    }

    /** What is left, with U+FFFD for bytes of an unfinished character; then ready for another text. */
    public String flush() {
        String rest = show(text(0));
        size = shown = 0;
        shownText = "";
        return rest;
    }

    private String show(String text) {
        String news = text.startsWith(shownText) ? text.substring(shownText.length()) : text(shown);
        System.arraycopy(window, shown, window, 0, size - shown);
        size -= shown;
        shown = size;
        shownText = text(0);
        return news;
    }

    private String text(int from) {
        return tokenizer.decode(Arrays.copyOfRange(window, from, size));
    }
}
