package dev.outrider.recipes.world;

import java.util.Locale;

/** What is asked of a model that is shown a picture. */
public enum SeenTask {
    /** The answer describes the picture in several sentences. */
    SEEN_DESCRIBE,
    /** A question about the picture; the answer is a word, then sentences. */
    SEEN_QUESTION,
    /** Changes are told to what the picture shows; the answer is numbered steps and a conclusion. */
    SEEN_REASON,
    /** As {@link Task#QUESTION}: all that is asked is told, the picture says nothing about it. */
    UNSEEN_QUESTION,
    /** As {@link Task#REASON}, likewise. */
    UNSEEN_REASON;

    /** The two values of {@link #kind}. */
    public static final String NEEDED = "needs the picture", NOT_NEEDED = "does not need it";

    /** The name in files and reports, such as {@code seen-question}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether the answer rests on the picture: with another one it is another. */
    public boolean needsPicture() {
        return this == SEEN_DESCRIBE || this == SEEN_QUESTION || this == SEEN_REASON;
    }

    /** {@value #NEEDED} or {@value #NOT_NEEDED}, as reports call the two kinds of tasks. */
    public String kind() {
        return needsPicture() ? NEEDED : NOT_NEEDED;
    }
}
