package dev.outrider.decode.ngram;

/** Sorts the columns of {@link NgramCounts} by key (unsigned), then id: radix sort, 11 bits at a time. */
final class NgramSort {
    private static final int BITS = 11;
    private static final int DIGITS = 1 << BITS;

    private long[] keys;
    private int[] ids;
    private int[] counts;
    private long[] otherKeys;
    private int[] otherIds;
    private int[] otherCounts;
    private final int size;

    private NgramSort(long[] keys, int[] ids, int[] counts, int size) {
        this.keys = keys;
        this.ids = ids;
        this.counts = counts;
        this.size = size;
        otherKeys = new long[size];
        otherIds = new int[size];
        otherCounts = new int[size];
    }

    static void sort(long[] keys, int[] ids, int[] counts, int size) {
        NgramSort sort = new NgramSort(keys, ids, counts, size);
        sort.byIds();
        sort.byKeys();
        if (sort.keys == keys) return;
        System.arraycopy(sort.keys, 0, keys, 0, size);
        System.arraycopy(sort.ids, 0, ids, 0, size);
        System.arraycopy(sort.counts, 0, counts, 0, size);
    }

    private void byIds() {
        for (int shift = 0; shift < 22; shift += BITS) {
            int[] places = new int[DIGITS + 1];
            for (int i = 0; i < size; i++) places[(ids[i] >>> shift & DIGITS - 1) + 1]++;
            if (!starts(places)) continue;
            for (int i = 0; i < size; i++) move(i, places[ids[i] >>> shift & DIGITS - 1]++);
            swap();
        }
    }

    private void byKeys() {
        for (int shift = 0; shift < Long.SIZE; shift += BITS) {
            int[] places = new int[DIGITS + 1];
            for (int i = 0; i < size; i++) places[(int) (keys[i] >>> shift & DIGITS - 1) + 1]++;
            if (!starts(places)) continue;
            for (int i = 0; i < size; i++) move(i, places[(int) (keys[i] >>> shift & DIGITS - 1)]++);
            swap();
        }
    }

    /** Numbers of digits become where each begins; false where all are alike and nothing has to move. */
    private boolean starts(int[] places) {
        for (int digit = 1; digit <= DIGITS; digit++) {
            if (places[digit] == size) return false;
            places[digit] += places[digit - 1];
        }
        return true;
    }

    private void move(int from, int to) {
        otherKeys[to] = keys[from];
        otherIds[to] = ids[from];
        otherCounts[to] = counts[from];
    }

    private void swap() {
        long[] k = keys;
        keys = otherKeys;
        otherKeys = k;
        int[] i = ids;
        ids = otherIds;
        otherIds = i;
        int[] c = counts;
        counts = otherCounts;
        otherCounts = c;
    }
}
