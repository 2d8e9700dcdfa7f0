package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;

/** A fixed map from long to non-negative long: open addressing, built once, read by any thread. */
final class LongTable {
    private final long[] keys;
    private final long[] values;
    private final int mask;

    /** @param capacity most entries that will be put */
    LongTable(int capacity) {
        int slots = Integer.highestOneBit(Math.max(4, capacity)) * 4;
        keys = new long[slots];
        values = new long[slots];
        mask = slots - 1;
        Arrays.fill(values, -1);
    }

    /** Keeps the first value put for a key. */
    void put(long key, long value) {
        int slot = slot(key);
        if (values[slot] >= 0) return;
        keys[slot] = key;
        values[slot] = value;
    }

    /** The value, or -1. */
    long find(long key) {
        return values[slot(key)];
    }

    private int slot(long key) {
        long mixed = key * 0x9E3779B97F4A7C15L;
        int slot = (int) (mixed >>> 32) & mask;
        while (values[slot] >= 0 && keys[slot] != key) slot = (slot + 1) & mask;
        return slot;
    }
}
