package dev.outrider.data.conversation;

import java.util.Locale;

/** What became of a row. */
enum Fate {
    KEPT,
    /** Of no form, or of another than the file's. */
    BAD_ROW,
    /** The same as another one; one of them goes on. */
    DUPLICATE,
    NEAR_DUPLICATE,
    /** Holds an evaluation prompt. */
    CONTAMINATED,
    /** About an image, or a question, that is kept for evaluation. */
    HELD_OUT,
    /** The chat template does not accept it, or it cannot be told where the assistant's words are. */
    TEMPLATE_REFUSED,
    /** The assistant says nothing. */
    NO_ANSWER,
    /** The assistant's words lie behind the sequence length. */
    NO_SUPERVISION;

    /** The name in manifests and reports. */
    String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
