package dev.outrider.checkpoints.chat;

/** How the text of a special token inside a message's own words is read. */
public enum Words {
    /** As that token, which is what Hugging Face transformers does. */
    PARSED,
    /** As text: what strangers write opens and ends no turn. */
    LITERAL
}
