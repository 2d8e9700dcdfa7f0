package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;

/**
 * Byte-pair encoding of one stretch at a time: the pair of lowest rank is merged, the leftmost of
 * equals, until none is left. Symbols form a linked list over positions; candidate pairs lie in a binary
 * heap of (rank, position), and one is out of date when the pair now at its position has another rank.
 * O(n log n). For one thread.
 */
final class Merging {
    /** Hears which symbols are left, and the characters [from, to) that each covers. */
    interface Result {
        void symbol(int symbol, int from, int to);
    }

    private static final int GONE = -2;

    private final Merges merges;
    private int[] symbols = new int[32], next = new int[32], previous = new int[32];
    private int[] starts = new int[32], ends = new int[32];
    private int count;
    private long[] heap = new long[64];
    private int heapSize;

    Merging(Merges merges) {
        this.merges = merges;
    }

    /** One more symbol to merge, for the characters [from, to). */
    void add(int symbol, int from, int to) {
        if (count == symbols.length) grow();
        symbols[count] = symbol;
        starts[count] = from;
        ends[count] = to;
        previous[count] = count - 1;
        next[count] = ++count;
    }

    private void grow() {
        int capacity = count * 2;
        symbols = Arrays.copyOf(symbols, capacity);
        next = Arrays.copyOf(next, capacity);
        previous = Arrays.copyOf(previous, capacity);
        starts = Arrays.copyOf(starts, capacity);
        ends = Arrays.copyOf(ends, capacity);
    }

    /** Merges what was added, tells the result, and is ready for another stretch. */
    void finish(Result result) {
        if (count == 0) return;
        next[count - 1] = -1;
        for (int i = 0; i + 1 < count; i++) propose(i);
        while (heapSize > 0) merge(pop());
        for (int i = 0; i >= 0; i = next[i]) {
            result.symbol(symbols[i], starts[i], ends[(next[i] < 0 ? count : next[i]) - 1]);
        }
        count = 0;
    }

    private void propose(int left) {
        long found = left < 0 || next[left] < 0 ? -1 : merges.find(symbols[left], symbols[next[left]]);
        if (found >= 0) push(found & 0xffffffff_00000000L | left);
    }

    private void merge(long candidate) {
        int left = (int) candidate, right = next[left];
        if (right == GONE || right < 0) return;
        long found = merges.find(symbols[left], symbols[right]);
        if (found < 0 || found >>> 32 != candidate >>> 32) return;
        symbols[left] = (int) found;
        next[left] = next[right];
        if (next[right] >= 0) previous[next[right]] = left;
        next[right] = GONE;
        propose(previous[left]);
        propose(left);
    }

    private void push(long candidate) {
        if (heapSize == heap.length) heap = Arrays.copyOf(heap, heapSize * 2);
        int at = heapSize++;
        for (int up; at > 0 && heap[up = (at - 1) / 2] > candidate; at = up) heap[at] = heap[up];
        heap[at] = candidate;
    }

    private long pop() {
        long top = heap[0], last = heap[--heapSize];
        int at = 0;
        for (int down; (down = smallerChild(at)) >= 0 && heap[down] < last; at = down) heap[at] = heap[down];
        heap[at] = last;
        return top;
    }

    private int smallerChild(int at) {
        int child = 2 * at + 1;
        if (child >= heapSize) return -1;
        return child + 1 < heapSize && heap[child + 1] < heap[child] ? child + 1 : child;
    }
}
