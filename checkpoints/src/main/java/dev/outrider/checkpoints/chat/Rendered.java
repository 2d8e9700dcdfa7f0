package dev.outrider.checkpoints.chat;

import java.util.List;

/**
 * A conversation as text.
 *
 * @param text what the model reads, special tokens spelt out
 * @param assistant the assistant's words, each with the end token behind it, in order
 */
public record Rendered(String text, List<Span> assistant) {}
