package dev.outrider.checkpoints.chat;

/** A part [from, to) of a text, in Java's chars. */
public record Span(int from, int to) {
    boolean touches(int begin, int end) {
        return begin < to && end > from;
    }
}
