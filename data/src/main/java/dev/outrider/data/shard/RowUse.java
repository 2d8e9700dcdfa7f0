package dev.outrider.data.shard;

import java.util.Locale;

/**
 * Rows of a draft that its training rows never touch: embedding rows that are never looked up, head rows
 * that are never a label. They keep their first values (the head's only learn to be unlikely), cost memory
 * and, in the head, time; where they are many a smaller vocabulary is due.
 *
 * @param embedding rows, V
 * @param head rows, V'
 */
public record RowUse(int embedding, int neverRead, int head, int neverLearnt) {
    /** Share of the embedding's rows that are never looked up. */
    public double unreadShare() {
        return (double) neverRead / embedding;
    }

    /** Share of the head's rows that are never a label. */
    public double unlearntShare() {
        return (double) neverLearnt / head;
    }

    /** One line for the terminal and the report. */
    public String line() {
        return String.format(
                Locale.ROOT,
                "never in the training rows: %,d of %,d embedding rows (%.1f %%), %,d of %,d head rows (%.1f %%)",
                neverRead,
                embedding,
                100 * unreadShare(),
                neverLearnt,
                head,
                100 * unlearntShare());
    }
}
