package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.Batch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import org.assertj.core.data.Offset;

/** What the tests of the losses share: random batches, and a loss driven over logits in a Java array. */
final class Cases {
    private Cases() {}

    /** Labels all but the last of a sequence; about two thirds of the positions count. */
    static Batch batch(RandomGenerator random, int sequences, int time, int vocabulary) {
        int n = sequences * time;
        int[] tokens = new int[n], labels = new int[n];
        byte[] counted = new byte[n];
        for (int i = 0; i < n; i++) {
            tokens[i] = random.nextInt(vocabulary);
            labels[i] = i % time == time - 1 ? -1 : random.nextInt(vocabulary);
            counted[i] = (byte) (random.nextInt(3) == 0 ? 0 : 1);
        }
        return new Batch(sequences, time, tokens, labels, counted);
    }

    /** One micro-batch with gradient, in chunks of so many rows; returns the loss's sum. */
    static double run(TokenLoss loss, Batch batch, float[] logits, int vocabulary, int chunk, double weight) {
        return run(loss, batch, logits, vocabulary, chunk, weight, true);
    }

    /** The same without gradient. */
    static double measure(TokenLoss loss, Batch batch, float[] logits, int vocabulary, int chunk) {
        return run(loss, batch, logits, vocabulary, chunk, 1, false);
    }

    private static double run(
            TokenLoss loss, Batch batch, float[] logits, int vocabulary, int chunk, double weight, boolean gradient) {
        loss.begin(batch, weight);
        try (Arena arena = Arena.ofConfined()) {
            for (int first = 0; first < batch.positions(); first += chunk) {
                int rows = Math.min(chunk, batch.positions() - first);
                chunk(loss, arena, logits, vocabulary, first, rows, gradient);
            }
        }
        return loss.sum();
    }

    private static void chunk(
            TokenLoss loss, Arena arena, float[] logits, int vocabulary, int first, int rows, boolean gradient) {
        int at = first * vocabulary, count = rows * vocabulary;
        MemorySegment memory = arena.allocate(4L * count, 4);
        MemorySegment.copy(logits, at, memory, ValueLayout.JAVA_FLOAT, 0, count);
        loss.apply(new Buffer(DType.F32, memory.address(), count), first, rows, vocabulary, gradient);
        MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, 0, logits, at, count);
    }

    static Offset<Double> within(double offset) {
        return Offset.offset(offset);
    }

    /** Every element within tolerance times the largest expected one. */
    static void close(String what, double[] expected, double[] found, double tolerance) {
        assertThat(found).as(what).hasSameSizeAs(expected);
        double largest = 0, worst = 0;
        int at = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double error = Math.abs(found[i] - expected[i]);
            if (!(error <= worst)) {
                worst = error;
                at = i;
            }
        }
        assertThat(worst)
                .as("%s: element %d of %d is %g, not %g", what, at, expected.length, found[at], expected[at])
                .isLessThanOrEqualTo(tolerance * largest);
    }
}
