package dev.outrider.decode.ngram;

/** What follows one context of a table, the most frequent first. Found anew without allocation; for one thread. */
public final class Followers {
    private final NgramTable table;
    private int length;
    private long first;
    private int size;
    private int total;

    Followers(NgramTable table) {
        this.table = table;
    }

    /**
     * Goes to the context of the last {@code length} tokens of a text's first {@code end}.
     *
     * @return whether the table has it; if not, this stays where it was
     */
    public boolean find(int[] text, int end, int length) {
        if (length > end || length >= table.order()) return false;
        long context = table.find(length, NgramCounts.key(text, end, length));
        if (context < 0) return false;
        this.length = length;
        first = table.start(length, context);
        long next = table.start(length, context + 1);
        if (next <= first || next > table.header().entries()[length]) throw table.corrupt("a context without end");
        size = (int) (next - first);
        total = table.count(length, first);
        if (table.id(length, first) == NgramCounts.TOTAL) {
            first++;
            size--;
        }
        return true;
    }

    /** Tokens of the context. */
    public int length() {
        return length;
    }

    /** Followers that are stored; 1 or more. */
    public int size() {
        return size;
    }

    /** How often the context was followed by anything, followers that are not stored included. */
    public int total() {
        return total;
    }

    /** The follower of this rank, from 0. */
    public int id(int rank) {
        int id = table.id(length, first + rank);
        if (id < 0 || id >= table.vocabulary()) throw table.corrupt("token " + id);
        return id;
    }

    /** How often it followed. */
    public int count(int rank) {
        return table.count(length, first + rank);
    }
}
