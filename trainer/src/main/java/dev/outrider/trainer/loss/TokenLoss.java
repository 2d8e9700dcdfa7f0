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

    /** A micro-batch begins. Every gradient row is multiplied by {@code weight} (1 / counted positions of the step). */
    void begin(Batch batch, double weight);

    /**
     * Takes the draft's logits [rows, V] of positions first .. first+rows-1, adds to the sums, and, if
     * {@code gradient}, overwrites them with d loss / d logits (zero rows where a position does not count).
     */
    void apply(Buffer logits, int first, int rows, int vocabulary, boolean gradient);

    /** Sum of the loss over the counted positions seen since begin, in nats or probability; unweighted. */
    double sum();
}
