package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;

/** A growing list of token ids, without boxing. */
final class Ids {
    private int[] values = new int[32];
    private int size;

    void add(int id) {
        if (size == values.length) values = Arrays.copyOf(values, size * 2);
        values[size++] = id;
    }

    int size() {
        return size;
    }

    int[] since(int from) {
        return Arrays.copyOfRange(values, from, size);
    }

    int[] toArray() {
        return since(0);
    }
}
