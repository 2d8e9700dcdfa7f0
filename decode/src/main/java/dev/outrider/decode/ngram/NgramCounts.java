package dev.outrider.decode.ngram;

import java.io.Serializable;
import java.util.Arrays;

/**
 * How often ids followed contexts of one length, as columns: {@code counts[i]} times ids[i] after the context
 * of keys[i]. A key mixes the context's tokens evenly over 64 bits: for up to three tokens one to one, for four so
 * that among 10⁸ contexts hardly two are alike.
 */
public final class NgramCounts implements Serializable {
    private static final long serialVersionUID = 1L;

    /** The longest context of a key. */
    static final int LONGEST = 4;

    /** Tokens that a key tells exactly. */
    private static final int EXACT = 3;

    /** Bits of a token in a key. */
    private static final int TOKEN_BITS = 21;

    /** Ids of a table are below this. */
    static final int MAX_VOCABULARY = 1 << TOKEN_BITS;

    /** Stands in the place of an id before the followers of a context: the count is the context's own. */
    static final int TOTAL = -1;

    private long[] keys;
    private int[] ids;
    private int[] counts;
    private int size;

    public NgramCounts(int capacity) {
        keys = new long[capacity];
        ids = new int[capacity];
        counts = new int[capacity];
    }

    /** Of the {@code length} tokens that end before {@code end}. */
    static long key(int[] tokens, int end, int length) {
        long packed = 0;
        for (int i = end - Math.min(length, EXACT); i < end; i++) packed = packed << TOKEN_BITS | tokens[i];
        long key = mix(packed);
        for (int i = end - length; i < end - EXACT; i++) key = mix(key + tokens[i] + 1);
        return key;
    }

    /** The finaliser of MurmurHash3, a bijection. */
    private static long mix(long z) {
        z = (z ^ (z >>> 33)) * 0xff51afd7ed558ccdL;
        z = (z ^ (z >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return z ^ (z >>> 33);
    }

    public int size() {
        return size;
    }

    long key(int i) {
        return keys[i];
    }

    int id(int i) {
        return ids[i];
    }

    int count(int i) {
        return counts[i];
    }

    /** Room for so many entries before the columns grow. */
    int room() {
        return keys.length - size;
    }

    void add(long key, int id, int count) {
        if (size == keys.length) reserve(16 + size / 2);
        keys[size] = key;
        ids[size] = id;
        counts[size++] = count;
    }

    /** Makes room for so many entries more. */
    void reserve(int more) {
        if (room() < more) grow(Math.addExact(size, more));
    }

    /** Adds all entries of others. */
    public void addAll(NgramCounts others) {
        reserve(others.size);
        System.arraycopy(others.keys, 0, keys, size, others.size);
        System.arraycopy(others.ids, 0, ids, size, others.size);
        System.arraycopy(others.counts, 0, counts, size, others.size);
        size += others.size;
    }

    private void grow(int capacity) {
        keys = Arrays.copyOf(keys, capacity);
        ids = Arrays.copyOf(ids, capacity);
        counts = Arrays.copyOf(counts, capacity);
    }

    /** Puts entries in order, by key (unsigned) and id, and makes equal ones one. */
    public NgramCounts sum() {
        NgramSort.sort(keys, ids, counts, size);
        int to = 0;
        for (int i = 0; i < size; i++) {
            if (to > 0 && keys[i] == keys[to - 1] && ids[i] == ids[to - 1])
                counts[to - 1] = plus(counts[to - 1], counts[i]);
            else move(i, to++);
        }
        size = to;
        return this;
    }

    /** Entries with keys of each of so many equal ranges, of counts that are in order. */
    public NgramCounts[] split(int parts) {
        NgramCounts[] split = new NgramCounts[parts];
        int from = 0;
        for (int part = 0; part < parts; part++) {
            int to = from;
            while (to < size && range(keys[to], parts) == part) to++;
            split[part] = slice(from, to);
            from = to;
        }
        return split;
    }

    private static int range(long key, int parts) {
        return (int) Math.unsignedMultiplyHigh(key, parts);
    }

    private NgramCounts slice(int from, int to) {
        NgramCounts slice = new NgramCounts(0);
        slice.keys = Arrays.copyOfRange(keys, from, to);
        slice.ids = Arrays.copyOfRange(ids, from, to);
        slice.counts = Arrays.copyOfRange(counts, from, to);
        slice.size = to - from;
        return slice;
    }

    /**
     * What a table stores, of counts that are in order: of every context that came at least {@code least}
     * times the {@code most} most frequent followers, the lowest ids among equals, in falling order of their
     * counts. Where one entry cannot say it, one for the whole context (id {@link #TOTAL}) comes first.
     */
    public NgramCounts prune(int most, int least) {
        NgramCounts pruned = new NgramCounts(size);
        long[] order = new long[16];
        for (int from = 0, to; from < size; from = to) {
            to = from;
            int total = 0;
            while (to < size && keys[to] == keys[from]) total = plus(total, counts[to++]);
            if (total < least) continue;
            if (to - from > order.length) order = new long[2 * (to - from)];
            for (int i = from; i < to; i++) order[i - from] = (long) -counts[i] << 32 | ids[i];
            pruned.list(keys[from], order, to - from, most, total);
        }
        return pruned.slice(0, pruned.size);
    }

    private void list(long key, long[] order, int followers, int most, int total) {
        Arrays.sort(order, 0, followers);
        if (followers > 1) add(key, TOTAL, total);
        for (int i = 0; i < Math.min(most, followers); i++) add(key, (int) order[i], (int) -(order[i] >> 32));
    }

    /** Different keys, of counts that are in order. */
    public int contexts() {
        int contexts = 0;
        for (int i = 0; i < size; i++) if (i == 0 || keys[i] != keys[i - 1]) contexts++;
        return contexts;
    }

    private void move(int from, int to) {
        keys[to] = keys[from];
        ids[to] = ids[from];
        counts[to] = counts[from];
    }

    private static int plus(int a, int b) {
        return (int) Math.min((long) a + b, Integer.MAX_VALUE);
    }
}
