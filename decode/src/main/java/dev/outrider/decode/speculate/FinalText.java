package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.tokenizer.Detokenizer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.BitSet;
import java.util.List;

/**
 * The text of the tokens so far, cut at the first stop string. What could still be the beginning of one is
 * held back from the listener.
 */
final class FinalText {
    private final Detokenizer detokenizer;
    private final List<String> stops;
    private final int longest;
    private final Listener listener;
    private final StringBuilder text = new StringBuilder();
    private final BitSet drafted = new BitSet();
    private int told;

    FinalText(Tokenizer tokenizer, List<String> stops, Listener listener) {
        detokenizer = new Detokenizer(tokenizer);
        this.stops = stops;
        this.listener = listener;
        longest = stops.stream().mapToInt(String::length).max().orElse(0);
    }

    /** Adds a token's text; whether it completes a stop string. */
    boolean add(int id, boolean guessed) {
        return append(detokenizer.push(id), guessed);
    }

    private boolean append(String piece, boolean guessed) {
        int before = text.length();
        text.append(piece);
        drafted.set(before, text.length(), guessed);
        int stop = stop(Math.max(0, before - longest + 1));
        if (stop >= 0) {
            text.setLength(stop);
            return true;
        }
        tell(text.length() - pending());
        return false;
    }

    /** No more tokens come, not even to finish a character: what was held back is final. */
    void end(boolean stopped) {
        if (!stopped) append(detokenizer.flush(), false);
        tell(text.length());
    }

    @Override
    public String toString() {
        return text.toString();
    }

    /** Where the first stop string begins, searched from an index; or -1. */
    private int stop(int from) {
        int first = -1;
        for (String stop : stops) {
            int at = text.indexOf(stop, from);
            if (at >= 0 && (first < 0 || at < first)) first = at;
        }
        return first;
    }

    /** Length of the longest end of the text that a stop string begins with. */
    private int pending() {
        for (int length = Math.min(longest - 1, text.length()); length > 0; length--) {
            String end = text.substring(text.length() - length);
            if (stops.stream().anyMatch(stop -> stop.startsWith(end))) return length;
        }
        return 0;
    }

    private void tell(int end) {
        while (told < end) {
            boolean guessed = drafted.get(told);
            int change = guessed ? drafted.nextClearBit(told) : drafted.nextSetBit(told);
            int to = change < 0 ? end : Math.min(end, change);
            listener.text(text.substring(told, to), guessed);
            told = to;
        }
    }
}
