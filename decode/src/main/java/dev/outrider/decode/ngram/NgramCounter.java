package dev.outrider.decode.ngram;

import dev.outrider.checkpoints.Failure;

/**
 * Counts what follows contexts of 0 to order - 1 tokens in texts. What was counted is summed whenever the
 * memory for it is full, so it grows with the different n-grams and not with the text.
 */
public final class NgramCounter {
    private static final int FIRST_ROOM = 1 << 12;

    private final int vocabulary;
    private final NgramCounts[] counts;
    private long tokens;

    /**
     * @param vocabulary V
     * @param order the longest n-gram, 1 to 5: contexts have up to order - 1 tokens
     * @throws Failure USAGE for an order or a vocabulary that tables do not have
     */
    public NgramCounter(int vocabulary, int order) {
        requireOrder(order);
        if (vocabulary < 1 || vocabulary > NgramCounts.MAX_VOCABULARY) {
            throw Failure.usage(
                    "n-gram table",
                    "a vocabulary of " + vocabulary,
                    "1 to " + NgramCounts.MAX_VOCABULARY + " tokens",
                    "Take a neural draft for this target.");
        }
        this.vocabulary = vocabulary;
        counts = new NgramCounts[order];
        for (int k = 0; k < order; k++) counts[k] = new NgramCounts(FIRST_ROOM);
    }

    /** @throws Failure USAGE unless the order is from 1 to 5 */
    static void requireOrder(int order) {
        if (order >= 1 && order <= NgramCounts.LONGEST + 1) return;
        throw Failure.usage("n-gram order", "" + order, "1 to " + (NgramCounts.LONGEST + 1), "Correct the order.");
    }

    /** Counts all tokens of a text. */
    public void count(int[] text) {
        count(text, 0, text.length);
    }

    /**
     * Counts the tokens from..to - 1 as followers of what stands before them; tokens before {@code from} are
     * context only.
     *
     * @throws Failure DATA for an id that is not in the vocabulary
     */
    public void count(int[] text, int from, int to) {
        int before = Math.max(0, from - counts.length + 1);
        for (int i = before; i < to; i++) check(text[i]);
        for (int i = from; i < to; i++) {
            for (int k = 0; k < counts.length && k <= i; k++) add(counts[k], NgramCounts.key(text, i, k), text[i]);
        }
        tokens += Math.max(0, to - from);
    }

    private static void add(NgramCounts counts, long key, int id) {
        if (counts.room() == 0) counts.sum().reserve(FIRST_ROOM + counts.size() / 2);
        counts.add(key, id, 1);
    }

    private void check(int id) {
        if (id >= 0 && id < vocabulary) return;
        throw Failure.data(
                "texts for an n-gram table",
                "token " + id,
                "ids below the vocabulary's " + vocabulary,
                "Tokenise the texts with the target's own tokenizer.");
    }

    /** Tokens counted. */
    public long tokens() {
        return tokens;
    }

    /** What followed contexts of each length, from none on, in order. */
    public NgramCounts[] counts() {
        for (NgramCounts each : counts) each.sum();
        return counts;
    }
}
