package dev.outrider.trainer.loss;

import dev.outrider.trainer.Batch;

/** Where the target's law of a position comes from. */
sealed interface TargetLaws extends AutoCloseable permits OnlineLaws, StoredLaws {
    /** A micro-batch begins in which at least one position counts. */
    void begin(Batch batch);

    /** Whether there is a law for a position of the batch. */
    boolean knows(Batch batch, int position);

    /**
     * Positions first .. first+rows-1 are going to be read.
     *
     * @param vocabulary logits of the draft's rows
     */
    void prepare(int first, int rows, int vocabulary);

    /**
     * Writes p, q being there already, and says how much of it the draft cannot say ({@link LawPair#complete}).
     *
     * @param worker two that read at the same time have different ones
     */
    void read(LawPair x, int worker, int position);

    @Override
    void close();
}
