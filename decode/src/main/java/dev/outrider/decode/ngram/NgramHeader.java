package dev.outrider.decode.ngram;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a table says of itself.
 *
 * @param vocabulary V; ids are below it
 * @param tokenizerHash {@code Tokenizer.hash()} of the tokenizer that made the ids; empty where it is not known
 * @param tokens counted
 * @param contexts by length, from none on
 * @param entries by length of the context: followers with their counts, and one more for a context with several
 * @param facts settings it was made with, and where from
 */
public record NgramHeader(
        int vocabulary, String tokenizerHash, long tokens, long[] contexts, long[] entries, Map<String, String> facts) {
    public NgramHeader {
        contexts = contexts.clone();
        entries = entries.clone();
        facts = new TreeMap<>(facts);
    }

    /** The longest n-gram; the longest context has one token less. */
    public int order() {
        return contexts.length;
    }

    /** Of all lengths. */
    public long allEntries() {
        return Arrays.stream(entries).sum();
    }
}
