package dev.outrider.trainer.loss;

import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.Batch;

/**
 * A loss over next-token logits that arrive chunk by chunk, so that [B·T, V] is never held whole. The
 * output layer makes a chunk of logits, the loss turns it in place into its gradient, the layer goes on.
 */
public interface TokenLoss {
    /** Rows of a chunk must be a multiple of this: 1, or T where a whole sequence is needed at once. */
    int rowsTogether(int time);

    /** An optimiser step begins, counted from 0: schedules move on, what is gathered over a step starts anew. */
    default void beginStep(long step) {}

    /** Whether from this step on the loss means something else, so that it cannot be compared with earlier steps'. */
    default boolean changed() {
        return false;
    }

    /**
     * Positions of the batch that take part under the loss in force: the counted ones, but for those that it has
     * nothing to say about (a label that the draft cannot say).
     */
    default long count(Batch batch) {
        return batch.count();
    }

    /** A micro-batch begins. Every gradient row is multiplied by {@code weight} (1 / counted positions of the step). */
    void begin(Batch batch, double weight);

    /**
     * Takes the draft's logits [rows, V] of positions first .. first+rows-1, adds to the sums, and, if
     * {@code gradient}, overwrites them with d loss / d logits (zero rows where a position does not count).
     * Chunks come in order of their positions; between them some that do not count may be left out.
     */
    void apply(Buffer logits, int first, int rows, int vocabulary, boolean gradient);

    /** Sum of the loss over the counted positions seen since begin, in nats or probability; unweighted. */
    double sum();

    /**
     * What the gradient accumulated from all micro-batches of this loss since {@link #beginStep} has still to
     * be multiplied by, before anything else is added to it: not 1 where it depends on the whole step.
     */
    default double gradientScale() {
        return 1;
    }

    /** Sum of the acceptance α = Σ min(p, q) over the counted positions since begin; NaN without a target. */
    default double acceptanceSum() {
        return Double.NaN;
    }

    /**
     * α of every position since begin, 0 where it does not count; empty without a target. The array is
     * reused, at least B·T long, and valid until the next begin.
     */
    default double[] acceptance() {
        return new double[0];
    }

    /** As {@link #acceptance}: 1 where draft and target have the same likeliest token, else 0. */
    default double[] agreement() {
        return new double[0];
    }
}
