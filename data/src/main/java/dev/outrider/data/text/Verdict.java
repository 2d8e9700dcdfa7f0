package dev.outrider.data.text;

import java.util.Locale;

/** What became of a document. */
public enum Verdict {
    KEPT,
    /** Nothing left after normalising. */
    EMPTY,
    /** The same text as another one; one of them goes on. */
    DUPLICATE,
    TOO_SHORT,
    TOO_LONG,
    REPEATED_LINES,
    REPEATED_NGRAM,
    REPEATED_CHARACTER;

    /** The name in manifests and reports. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
