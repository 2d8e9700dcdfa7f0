package dev.outrider.decode.model;

import java.util.Arrays;

/**
 * A picture as a tower sees it, and how texts name it: in a prompt the id {@code -1 - k} stands for the k-th picture of
 * those that were shown. A model makes of it as many rows as it has for a picture, or none where it cannot see.
 */
public interface Picture {
    /** Equal for equal pixels, and only for these. */
    String id();

    /** Normalised pixels [channels, side, side], as the tower's preprocessing leaves them. */
    float[] pixels();

    /** The token that stands for the k-th picture. */
    static int placeholder(int k) {
        return -1 - k;
    }

    /** The number of the picture that a placeholder stands for. */
    static int number(int placeholder) {
        return -1 - placeholder;
    }

    /** Whether a token stands for a picture. */
    static boolean isPlaceholder(int token) {
        return token < 0;
    }

    /** Whether a text has a picture in it. */
    static boolean in(int[] text) {
        return Arrays.stream(text).anyMatch(Picture::isPlaceholder);
    }

    /** A prompt's ids, with a placeholder wherever the model's own id for a picture stands, in their order. */
    static int[] numbered(int[] ids, int imageId) {
        int[] prompt = ids.clone();
        int count = 0;
        for (int i = 0; i < prompt.length; i++) if (prompt[i] == imageId) prompt[i] = placeholder(count++);
        return prompt;
    }

    /** The text without its pictures, as a model reads it that cannot see; the same array where there are none. */
    static int[] left(int[] text) {
        return in(text) ? Arrays.stream(text).filter(id -> !isPlaceholder(id)).toArray() : text;
    }
}
