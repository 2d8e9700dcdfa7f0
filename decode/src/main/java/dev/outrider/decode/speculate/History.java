package dev.outrider.decode.speculate;

/** The ids of a text so far, each once, for the repetition penalty; the last ids can be taken back. */
final class History {
    private final int[] counts;
    private final int[] distinct;
    private int size;

    History(int vocabulary) {
        counts = new int[vocabulary];
        distinct = new int[vocabulary];
    }

    void clear() {
        for (int i = 0; i < size; i++) counts[distinct[i]] = 0;
        size = 0;
    }

    void push(int id) {
        if (counts[id]++ == 0) distinct[size++] = id;
    }

    void push(int[] ids) {
        for (int id : ids) push(id);
    }

    /** Takes back the last id pushed, which the caller names. */
    void pop(int id) {
        if (--counts[id] == 0) size--;
    }

    /** Divides positive logits of seen ids by the penalty and multiplies negative ones. */
    void penalise(double[] logits, double penalty) {
        for (int i = 0; i < size; i++) {
            int id = distinct[i];
            logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
        }
    }

    void penalise(float[] logits, double penalty) {
        for (int i = 0; i < size; i++) {
            int id = distinct[i];
            logits[id] = (float) (logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty);
        }
    }
}
