package dev.outrider.trainer.loss;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.decode.device.cpu.Threads;
import dev.outrider.trainer.Batch;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Next-token loss of pre-training: -log q(label), q = softmax(logits); gradient q - 1{label}. Positions
 * without a label do not count, nor do those whose label the draft cannot say: its loss would be infinite and
 * its law cannot change that. {@link #count} tells how many are left.
 *
 * <p>From a step of choice on TVD from the law that is certain of the label instead, 1 - q(label); gradient
 * q(label) (q - 1{label}): what one token alone tells of the target's acceptance. A label that the draft hardly
 * expects moves it little (mean absolute error, Zhang and Sabuncu, 1805.07836).
 */
public final class CrossEntropy extends RowLoss {
    private final LawRow[] laws;
    private final long certainFrom;
    private long step;
    private double[] agreement = {};

    /** @param threads of the device that the logits lie on */
    public CrossEntropy(Threads threads) {
        this(threads, Optional.empty());
    }

    /** @param outputs the tokens that the draft can say; empty: all */
    public CrossEntropy(Threads threads, Optional<DraftVocabulary> outputs) {
        this(threads, outputs, Long.MAX_VALUE);
    }

    /** @param certainFrom the optimiser step, counted from 0, from which on it is 1 - q(label) */
    public CrossEntropy(Threads threads, Optional<DraftVocabulary> outputs, long certainFrom) {
        super(threads, outputs);
        this.certainFrom = certainFrom;
        laws = IntStream.range(0, workers()).mapToObj(_ -> new LawRow()).toArray(LawRow[]::new);
    }

    @Override
    public void beginStep(long step) {
        this.step = step;
    }

    @Override
    public boolean changed() {
        return step == certainFrom;
    }

    private boolean certain() {
        return step >= certainFrom;
    }

    @Override
    public void begin(Batch batch, double weight) {
        super.begin(batch, weight);
        if (agreement.length < batch.positions()) agreement = new double[batch.positions()];
        Arrays.fill(agreement, 0);
    }

    /** 1 where the label is the draft's likeliest token: of a target's greedy answers the labels are its own. */
    @Override
    public double[] agreement() {
        return agreement;
    }

    @Override
    boolean counts(Batch batch, int position) {
        return super.counts(batch, position) && label(batch, position) >= 0;
    }

    @Override
    double row(int worker, int position, int row, long logits) {
        LawRow q = laws[worker];
        q.read(logits, vocabulary(), 1);
        int label = label(batch(), position);
        agreement[position] = q.best == label ? 1 : 0;
        if (gradient()) {
            double scale = certain() ? weight() * Math.exp(q.logs[label]) : weight();
            gradient(q, label, (float) scale);
            Lanes.write(q.probabilities, vocabulary(), logits);
        }
        return certain() ? -Math.expm1(q.logs[label]) : -q.logs[label];
    }

    /** Writes scale · gradient over q's probabilities. */
    static void gradient(LawRow q, int label, float scale) {
        for (int i = 0; i < q.size; i += Lanes.LANES) {
            Lanes.at(q.probabilities, i).mul(scale).intoArray(q.probabilities, i);
        }
        q.probabilities[label] = scale * (float) Math.expm1(q.logs[label]);
    }

    @Override
    LawRow law(int worker) {
        return laws[worker];
    }
}
