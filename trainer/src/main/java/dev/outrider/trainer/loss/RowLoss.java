package dev.outrider.trainer.loss;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.Threads;
import dev.outrider.trainer.Batch;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/**
 * A loss that treats every position by itself: rows are dealt to the device's threads, values are kept by
 * position and added in their order, so neither threads nor chunks change a bit of the result.
 */
abstract sealed class RowLoss implements TokenLoss permits CrossEntropy, Distillation {
    private final Threads threads;
    private final DraftVocabulary outputs;
    private final Threads.Part body = this::part;
    private Batch batch;
    private double weight;
    private double sum;
    private double[] values = {};

    // The chunk at work.
    private long logits;
    private int first;
    private int rows;
    private int vocabulary;
    private boolean gradient;

    /** @param outputs the tokens that logits are for; empty: all */
    RowLoss(Threads threads, Optional<DraftVocabulary> outputs) {
        this.threads = threads;
        this.outputs = outputs.orElse(null);
    }

    @Override
    public int rowsTogether(int time) {
        return 1;
    }

    @Override
    public void begin(Batch batch, double weight) {
        this.batch = batch;
        this.weight = weight;
        sum = 0;
        if (values.length < batch.positions()) values = new double[batch.positions()];
    }

    @Override
    public void apply(Buffer logits, int first, int rows, int vocabulary, boolean gradient) {
        check(logits, first, rows, vocabulary);
        this.logits = logits.address();
        this.first = first;
        this.rows = rows;
        this.vocabulary = vocabulary;
        sweeps(first, rows, gradient);
        for (int r = first; r < first + rows; r++) if (counts(r)) sum += values[r];
    }

    /** Goes over the chunk's rows; more than once where a row depends on others. */
    void sweeps(int first, int rows, boolean gradient) {
        sweep(gradient);
    }

    final void sweep(boolean gradient) {
        this.gradient = gradient;
        threads.run(Math.min(threads.count(), rows), body);
    }

    private void check(Buffer logits, int first, int rows, int vocabulary) {
        Objects.checkFromIndexSize(first, rows, batch.positions());
        if (logits.type() != DType.F32 || logits.elements() < (long) rows * vocabulary) {
            throw new IllegalArgumentException(logits + " for " + rows + " x " + vocabulary + " logits");
        }
        if (outputs != null && outputs.size() != vocabulary) {
            throw new IllegalArgumentException(vocabulary + " logits for a draft of " + outputs);
        }
    }

    private void part(int part) {
        for (int r = part; r < rows; r += Math.min(threads.count(), rows)) {
            long address = logits + 4L * r * vocabulary;
            if (counts(first + r)) values[first + r] = row(part, first + r, r, address);
            else if (gradient) zero(part, address);
        }
    }

    /**
     * The loss of one counted position; where a gradient is wanted, writes it over the logits.
     *
     * @param worker in 0 .. workers-1; two rows at work at the same time have different ones
     * @param position in the micro-batch
     * @param row in the chunk
     */
    abstract double row(int worker, int position, int row, long logits);

    private void zero(int worker, long logits) {
        LawRow row = law(worker);
        row.room(vocabulary);
        Arrays.fill(row.probabilities, 0, vocabulary, 0);
        Lanes.write(row.probabilities, vocabulary, logits);
    }

    /** A worker's own arrays. */
    abstract LawRow law(int worker);

    private boolean counts(int position) {
        return counts(batch, position);
    }

    /** Whether a position of the batch takes part. */
    boolean counts(Batch batch, int position) {
        return batch.counted()[position] != 0;
    }

    @Override
    public final long count(Batch batch) {
        long n = 0;
        for (int position = 0; position < batch.positions(); position++) if (counts(batch, position)) n++;
        return n;
    }

    /** The logit of the position's label; -1 where there is no label or no logit for it. */
    final int label(Batch batch, int position) {
        int label = batch.labels()[position];
        return outputs == null || label < 0 ? label : outputs.draft(label);
    }

    /** The tokens that logits are for; null: all. */
    final DraftVocabulary outputs() {
        return outputs;
    }

    int workers() {
        return threads.count();
    }

    Batch batch() {
        return batch;
    }

    double weight() {
        return weight;
    }

    int vocabulary() {
        return vocabulary;
    }

    boolean gradient() {
        return gradient;
    }

    @Override
    public double sum() {
        return sum;
    }
}
