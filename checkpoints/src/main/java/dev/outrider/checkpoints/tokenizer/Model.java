package dev.outrider.checkpoints.tokenizer;

import java.util.stream.IntStream;

/** What lies between special tokens: how a stretch of text becomes pieces, and pieces text. Immutable. */
sealed interface Model permits MarkedBpe, ByteLevelBpe, Unigram {
    /** Encoding with its working memory; for one thread. */
    interface Coder {
        /** Appends the ids of text[from, to), a part of a prepared stretch. */
        void encode(String text, int from, int to, Tokens out);
    }

    /** The stretch as the model wants it, before added tokens of its own are looked for. */
    Stretch prepare(Stretch stretch, boolean first);

    Coder coder();

    /** Text of ids that are all to be shown. */
    String decode(int[] ids);

    /** All that decides about ids but the pieces and {@link #preferences}, as text. */
    String behaviour();

    /** What decides between the ways to spell a text. */
    IntStream preferences();
}
