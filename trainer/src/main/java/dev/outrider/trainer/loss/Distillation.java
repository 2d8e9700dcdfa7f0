package dev.outrider.trainer.loss;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.Teacher;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Pulls the draft's law towards the target's on the same tokens: p = softmax(P / T), q = softmax(Q / T), a
 * {@link Divergence} between them at every counted position. Gradients include the 1/T of the chain rule;
 * there is no factor T².
 *
 * <p>The teacher is asked for a chunk's logits when the chunk comes, and only from its first counted
 * position to its last. Also counts what a draft is judged by: α = Σ min(p, q), and top-1 agreement.
 *
 * <p>For a draft that says only some tokens, q is 0 on the others and p stays the target's law over all, so
 * that α is what decoding will accept. What q cannot change only adds to the values; KL alone, infinite there,
 * is restricted ({@link ForwardKl}).
 */
public final class Distillation extends RowLoss implements AutoCloseable {
    private final TargetLaws laws;
    private final Divergence divergence;
    private final float inverseTemperature;
    private final LawPair[] pairs;
    private Divergence.PerPosition current;
    private boolean changed;

    private long step;
    private long positionsBefore;
    private long positionsBegun;
    private final Advantage overStep = new Advantage();
    private Advantage[] overSequence = {};
    private double[] acceptance = {};
    private double[] agreement = {};
    private double[] rewarded = {};
    private double[] others = {};
    private double acceptanceSum;

    /** As the next one, for a draft that can say all tokens. */
    public Distillation(CpuDevice device, Teacher teacher, Divergence divergence, double temperature) {
        this(device, teacher, divergence, temperature, Optional.empty());
    }

    /**
     * @param device that the logits lie on
     * @param teacher stays the caller's to close; the same vocabulary as the draft's
     * @param temperature T > 0 of both laws
     * @param outputs the tokens that the draft can say; empty: all
     */
    public Distillation(
            CpuDevice device,
            Teacher teacher,
            Divergence divergence,
            double temperature,
            Optional<DraftVocabulary> outputs) {
        this(
                device,
                new OnlineLaws(device, teacher, outputs.orElse(null), temperature),
                divergence,
                temperature,
                outputs);
    }

    private Distillation(
            CpuDevice device,
            TargetLaws laws,
            Divergence divergence,
            double temperature,
            Optional<DraftVocabulary> outputs) {
        super(device.threads(), outputs);
        if (!(temperature > 0)) throw new IllegalArgumentException("temperature " + temperature);
        this.laws = laws;
        this.divergence = divergence;
        this.inverseTemperature = (float) (1 / temperature);
        this.current = divergence.at(0);
        this.pairs = IntStream.range(0, workers()).mapToObj(_ -> new LawPair()).toArray(LawPair[]::new);
    }

    /**
     * Without the target: from the laws stored with its answers ({@link Batch#laws}), which are known for the
     * likeliest ids and in sum for the others. {@link StoredLaws} says what that costs.
     *
     * @param vocabulary V, the target's
     * @param temperature 1; another is refused
     * @throws Failure USAGE for another temperature
     */
    public static Distillation stored(
            CpuDevice device,
            int vocabulary,
            Divergence divergence,
            double temperature,
            Optional<DraftVocabulary> outputs) {
        if (temperature != 1) throw noTemperature(temperature);
        return new Distillation(
                device, new StoredLaws(vocabulary, outputs.orElse(null)), divergence, temperature, outputs);
    }

    private static Failure noTemperature(double temperature) {
        return Failure.usage(
                "distillation from stored laws",
                "temperature " + temperature,
                "1: a law at another temperature needs the probabilities of all tokens, and of the tail only the sum"
                        + " is stored",
                "Distil at temperature 1, or with the target at hand.");
    }

    @Override
    public int rowsTogether(int time) {
        return current.scope() == Divergence.Scope.SEQUENCE ? time : 1;
    }

    @Override
    public void beginStep(long step) {
        changed = step > 0 && !divergence.at(step).equals(divergence.at(step - 1));
        current = divergence.at(step);
        this.step = step;
        positionsBegun = 0;
        overStep.clear();
    }

    @Override
    public boolean changed() {
        return changed;
    }

    @Override
    public void begin(Batch batch, double weight) {
        super.begin(batch, weight);
        positionsBefore = positionsBegun;
        positionsBegun += batch.positions();
        room(batch.positions(), batch.sequences());
        Arrays.fill(acceptance, 0);
        Arrays.fill(agreement, 0);
        acceptanceSum = 0;
        if (count(batch) > 0) laws.begin(batch);
    }

    private void room(int positions, int sequences) {
        if (acceptance.length < positions) {
            acceptance = new double[positions];
            agreement = new double[positions];
            rewarded = new double[positions];
            others = new double[positions];
        }
        if (overSequence.length >= sequences) return;
        overSequence =
                IntStream.range(0, sequences).mapToObj(_ -> new Advantage()).toArray(Advantage[]::new);
    }

    @Override
    boolean counts(Batch batch, int position) {
        return super.counts(batch, position)
                && (label(batch, position) >= 0 || !(current instanceof LabelCrossEntropy))
                && laws.knows(batch, position);
    }

    private boolean counts(int position) {
        return counts(batch(), position);
    }

    // ---- a chunk ------------------------------------------------------------------------------

    @Override
    void sweeps(int first, int rows, boolean gradient) {
        if (!ask(first, rows) && !gradient) return;
        boolean sequences = gradient && current.scope() == Divergence.Scope.SEQUENCE;
        if (sequences) {
            sweep(false);
            gather(first, rows);
        }
        sweep(gradient);
        account(first, rows, gradient);
    }

    /** Prepares the laws from the chunk's first counted position to its last; false if none counts. */
    private boolean ask(int first, int rows) {
        int from = first, to = first + rows;
        while (from < to && !counts(from)) from++;
        while (to > from && !counts(to - 1)) to--;
        if (from == to) return false;
        laws.prepare(from, to - from, vocabulary());
        return true;
    }

    @Override
    double row(int worker, int position, int row, long logits) {
        LawPair x = pairs[worker];
        x.q.read(logits, vocabulary(), inverseTemperature);
        laws.read(x, worker, position);
        x.label = label(batch(), position);
        x.step = step;
        x.position = positionsBefore + position;
        x.scope = overSequence[position / batch().time()];
        double value = current.value(x);
        record(x, position);
        if (gradient()) {
            current.gradient(x, (float) (weight() * inverseTemperature));
            Lanes.write(x.q.probabilities, vocabulary(), logits);
        }
        return value;
    }

    private void record(LawPair x, int position) {
        acceptance[position] = x.acceptance;
        agreement[position] = x.agrees() ? 1 : 0;
        rewarded[position] = x.own.mean();
        others[position] = x.own.complement();
    }

    /** Means and deviations of the chunk's sequences, which are whole. */
    private void gather(int first, int rows) {
        int time = batch().time();
        for (int position = first; position < first + rows; position++) {
            Advantage sequence = overSequence[position / time];
            if (position % time == 0) sequence.clear();
            if (counts(position)) sequence.add(rewarded[position], others[position]);
        }
    }

    private void account(int first, int rows, boolean gradient) {
        boolean batch = gradient && current.scope() == Divergence.Scope.BATCH;
        for (int position = first; position < first + rows; position++) {
            acceptanceSum += acceptance[position];
            if (batch && counts(position)) overStep.add(rewarded[position], others[position]);
        }
    }

    @Override
    LawRow law(int worker) {
        return pairs[worker].q;
    }

    // ---- what was seen ------------------------------------------------------------------------

    /** 1/σ over the counted positions of the step, for TVD++ over the batch; else 1. */
    @Override
    public double gradientScale() {
        return current.scope() == Divergence.Scope.BATCH ? overStep.inverseDeviation() : 1;
    }

    @Override
    public double acceptanceSum() {
        return acceptanceSum;
    }

    @Override
    public double[] acceptance() {
        return acceptance;
    }

    @Override
    public double[] agreement() {
        return agreement;
    }

    /** Frees what was allocated for the target's logits. */
    @Override
    public void close() {
        laws.close();
    }
}
