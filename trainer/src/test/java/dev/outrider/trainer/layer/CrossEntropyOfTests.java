package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.loss.TokenLoss;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Cross entropy in plain double loops. */
final class CrossEntropyOfTests implements TokenLoss {
    private final int together;
    private Batch batch;
    private double weight;
    private double sum;
    private int seen;
    private int end;

    CrossEntropyOfTests() {
        this(1);
    }

    /** @param together rows of a chunk are a multiple of this */
    CrossEntropyOfTests(int together) {
        this.together = together;
    }

    @Override
    public int rowsTogether(int time) {
        return together;
    }

    @Override
    public void begin(Batch batch, double weight) {
        this.batch = batch;
        this.weight = weight;
        sum = 0;
        seen = 0;
        end = 0;
    }

    @Override
    public void apply(Buffer logits, int first, int rows, int vocabulary, boolean gradient) {
        if (first < end || first % together != 0) throw new AssertionError("chunk at " + first + " after " + end);
        end = first + rows;
        MemorySegment memory = HostArrays.memory(logits);
        for (int r = 0; r < rows; r++) row(memory, (long) r * vocabulary, vocabulary, first + r, gradient);
    }

    private void row(MemorySegment memory, long at, int vocabulary, int position, boolean gradient) {
        double[] z = new double[vocabulary];
        for (int i = 0; i < vocabulary; i++) z[i] = memory.getAtIndex(ValueLayout.JAVA_FLOAT, at + i);
        boolean counts = batch.counted()[position] == 1;
        int label = batch.labels()[position];
        double logSum = logSum(z);
        if (counts) {
            sum += logSum - z[label];
            seen++;
        }
        if (!gradient) return;
        for (int i = 0; i < vocabulary; i++) {
            double d = counts ? weight * (Math.exp(z[i] - logSum) - (i == label ? 1 : 0)) : 0;
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, at + i, (float) d);
        }
    }

    private static double logSum(double[] z) {
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (double v : z) max = Math.max(max, v);
        for (double v : z) sum += Math.exp(v - max);
        return max + Math.log(sum);
    }

    /** Counted positions that came by. */
    int seen() {
        return seen;
    }

    @Override
    public double sum() {
        return sum;
    }
}
