package dev.outrider.checkpoints.tokenizer;

/**
 * The ids of words met before. Each word has one place, and a newer one takes it: bounded, without locks.
 * Entries are immutable, so that threads may race for a place.
 */
final class WordCache {
    private static final int LONGEST = 32;

    private record Entry(String word, int[] ids) {}

    private final Entry[] entries = new Entry[1 << 14];

    /** Adds the ids of text[from, to) to out: those found from before, or what {@code otherwise} adds, which is kept. */
    void word(String text, int from, int to, Tokens out, Runnable otherwise) {
        int[] known = out.spans() ? null : find(text, from, to);
        if (known != null) {
            out.addAll(known);
            return;
        }
        int before = out.size();
        otherwise.run();
        if (!out.spans()) keep(text, from, to, out.since(before));
    }

    private int[] find(String text, int from, int to) {
        if (to - from > LONGEST) return null;
        Entry entry = entries[place(text, from, to)];
        boolean same =
                entry != null && entry.word.length() == to - from && text.regionMatches(from, entry.word, 0, to - from);
        return same ? entry.ids : null;
    }

    private void keep(String text, int from, int to, int[] ids) {
        if (to - from > LONGEST) return;
        entries[place(text, from, to)] = new Entry(text.substring(from, to), ids);
    }

    private int place(String text, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) hash = 31 * hash + text.charAt(i);
        return (hash * 0x9E3779B9) >>> 32 - 14;
    }
}
