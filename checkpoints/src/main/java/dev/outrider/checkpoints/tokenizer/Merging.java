package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;

/**
 * Byte-pair encoding of one stretch at a time: the pair of lowest rank is merged, the leftmost of
 * equals, until none is left. Symbols form a linked list over positions; candidate pairs lie in a binary
 * heap of (rank, position), and one is out of date when the pair now at its position has another rank.
 * O(n log n). For one thread.
 */
final class Merging {
    private final Vocabulary vocabulary;
    private final Merges merges;
    private int[] symbols = new int[32], next = new int[32], previous = new int[32];
    private long[] heap = new long[64];
    private int heapSize;

    Merging(Vocabulary vocabulary, Merges merges) {
        this.vocabulary = vocabulary;
        this.merges = merges;
    }

    /** Appends the ids of text[from, to), which holds marks for spaces. */
    void encode(String text, int from, int to, Ids out) {
        if (from == to) return;
        int count = load(text, from, to);
        for (int i = 0; i + 1 < count; i++) propose(i);
        while (heapSize > 0) merge(pop());
        for (int i = 0; i >= 0; i = next[i]) vocabulary.spell(symbols[i], out);
    }

    private int load(String text, int from, int to) {
        reserve(to - from);
        int count = 0;
        for (int at = from, c; at < to; at += Character.charCount(c)) {
            c = text.codePointAt(at);
            boolean unpaired = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
            symbols[count] = vocabulary.symbol(unpaired ? 0xFFFD : c);
            previous[count] = count - 1;
            next[count] = ++count;
        }
        next[count - 1] = -1;
        return count;
    }

    private void reserve(int count) {
        if (count <= symbols.length) return;
        symbols = new int[count];
        next = new int[count];
        previous = new int[count];
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

    private static final int GONE = -2;

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
