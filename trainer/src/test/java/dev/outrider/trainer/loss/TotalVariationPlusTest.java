package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.loss.Divergence.Scope;
import dev.outrider.trainer.loss.TotalVariationPlus.Estimator;
import dev.outrider.trainer.loss.TotalVariationPlus.Exact;
import dev.outrider.trainer.loss.TotalVariationPlus.Sampled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What TVD++ is: TVD / σ in every scope, whatever the micro-batches; and what its samples estimate. */
class TotalVariationPlusTest {
    private static final CpuDevice DEVICE = new CpuDevice(2);
    private static final int V = 13;
    private static final int TIME = 4;
    private static final int SEQUENCES = 8;
    private static final int POSITIONS = SEQUENCES * TIME;

    private final Batch batch = Cases.batch(Seeds.generator(1), SEQUENCES, TIME, V);
    private final float[] target = Seeds.normal(Seeds.generator(2), POSITIONS * V, 0.7);
    private final float[] draft = Seeds.normal(Seeds.generator(3), POSITIONS * V, 0.7);

    private final FixedTeacher teacher = new FixedTeacher(target, V);

    @AfterAll
    static void close() {
        DEVICE.close();
    }

    /** The gradient of a step made of micro-batches of so many sequences. */
    private float[] step(Distillation loss, long step, int microBatch) {
        float[] rows = draft.clone();
        loss.beginStep(step);
        teacher.rewind();
        for (int at = 0; at < SEQUENCES; at += microBatch) {
            int from = at * TIME, to = (at + microBatch) * TIME;
            Batch part = new Batch(
                    microBatch,
                    TIME,
                    Arrays.copyOfRange(batch.tokens(), from, to),
                    Arrays.copyOfRange(batch.labels(), from, to),
                    Arrays.copyOfRange(batch.counted(), from, to));
            float[] own = Arrays.copyOfRange(rows, from * V, to * V);
            Cases.run(loss, part, own, V, TIME, 1);
            System.arraycopy(own, 0, rows, from * V, own.length);
        }
        for (int i = 0; i < rows.length; i++) rows[i] *= (float) loss.gradientScale();
        return rows;
    }

    private float[] step(Divergence loss, int microBatch) {
        try (Distillation distillation = distillation(loss)) {
            return step(distillation, 0, microBatch);
        }
    }

    private Distillation distillation(Divergence loss) {
        return new Distillation(DEVICE, teacher, loss, 1);
    }

    private TotalVariationPlusReference reference(int[] positions) {
        return new TotalVariationPlusReference(
                Arrays.stream(positions).mapToObj(t -> logs(target, t)).toList(),
                Arrays.stream(positions).mapToObj(t -> logs(draft, t)).toList());
    }

    private static double[] logs(float[] logits, int t) {
        return DivergenceReference.logs(
                IntStream.range(t * V, (t + 1) * V).mapToDouble(i -> logits[i]).toArray(), 1);
    }

    /** The counted positions that share μ and σ with t. */
    private int[] together(Scope scope, int t) {
        return IntStream.range(0, POSITIONS)
                .filter(i -> batch.counted()[i] == 1)
                .filter(i -> switch (scope) {
                    case POSITION -> i == t;
                    case SEQUENCE -> i / TIME == t / TIME;
                    case BATCH -> true;
                })
                .toArray();
    }

    @Test
    void exactIsTotalVariationOverDeviation() {
        float[] plain = step(new TotalVariation(), SEQUENCES);
        for (Scope scope : Scope.values()) {
            float[] found = step(new TotalVariationPlus(scope, new Exact()), SEQUENCES);
            for (int t = 0; t < POSITIONS; t++) {
                if (batch.counted()[t] == 0) continue;
                double deviation = reference(together(scope, t)).deviation();
                for (int i = t * V; i < (t + 1) * V; i++) {
                    assertThat((double) found[i]).isCloseTo(plain[i] / deviation, Cases.within(1e-5));
                }
            }
        }
    }

    @Test
    void microBatchesChangeNothing() {
        for (Scope scope : Scope.values()) {
            for (Estimator estimator : List.of(new Exact(), new Sampled(3, 7))) {
                TotalVariationPlus loss = new TotalVariationPlus(scope, estimator);
                float[] whole = step(loss, SEQUENCES);
                assertThat(step(loss, 1)).as("%s", loss).isEqualTo(whole);
                assertThat(step(loss, 4)).as("%s", loss).isEqualTo(whole);
            }
        }
    }

    @Test
    void everyStepStandsAlone() {
        try (Distillation loss = distillation(new TotalVariationPlus())) {
            float[] alone = step(loss, 0, 4);
            loss.beginStep(1);
            assertThat(loss.gradientScale()).isEqualTo(1);
            Cases.run(loss, oneSequence(), Arrays.copyOf(draft, TIME * V), V, TIME, 1);
            assertThat(step(loss, 2, 4)).isEqualTo(alone);
        }
    }

    @Test
    void measuringLeavesTheStepAlone() {
        try (Distillation loss = distillation(new TotalVariationPlus())) {
            step(loss, 0, 4);
            double scale = loss.gradientScale();
            float[] logits = Arrays.copyOf(draft, TIME * V);
            Cases.measure(loss, oneSequence(), logits, V, TIME);
            assertThat(loss.gradientScale()).isEqualTo(scale);
            assertThat(logits).isEqualTo(Arrays.copyOf(draft, TIME * V));
        }
    }

    private static Batch oneSequence() {
        byte[] all = new byte[TIME];
        Arrays.fill(all, (byte) 1);
        return new Batch(1, TIME, new int[TIME], new int[TIME], all);
    }

    @Test
    void aSampleIsThePolicyGradientOfItsToken() {
        for (int t = 0; t < POSITIONS; t++) {
            double[] p = logs(target, t), q = logs(draft, t);
            LawPair x = pair(p, q);
            Draws.gradient(x, 1, 5, 0.3, 2);
            int token = x.drawn[0];
            double advantage = TotalVariationReference.reward(p, q, token) - 0.3;
            for (int i = 0; i < V; i++) {
                double expected = -2 * advantage * ((i == token ? 1 : 0) - Math.exp(q[i]));
                assertThat((double) x.q.probabilities[i]).isCloseTo(expected, Cases.within(1e-6));
            }
        }
    }

    private static LawPair pair(double[] logP, double[] logQ) {
        LawPair x = new LawPair();
        x.size = Lanes.padded(V);
        x.p.logs = new float[x.size];
        x.q.logs = new float[x.size];
        x.q.probabilities = new float[x.size];
        for (int i = 0; i < V; i++) {
            x.p.logs[i] = (float) logP[i];
            x.q.logs[i] = (float) logQ[i];
            x.q.probabilities[i] = (float) Math.exp(logQ[i]);
        }
        return x;
    }

    @Test
    void samplesEstimateTheExactGradient() {
        for (Scope scope : Scope.values()) {
            float[] exact = step(new TotalVariationPlus(scope, new Exact()), SEQUENCES);
            estimate(new TotalVariationPlus(scope, new Sampled(2, 11)), exact, 4000);
        }
    }

    /** The mean over steps is within 5.5 standard errors everywhere, which chance breaks once in 10 million. */
    private void estimate(Divergence loss, float[] exact, int steps) {
        double[] sum = new double[exact.length], squares = new double[exact.length];
        try (Distillation distillation = distillation(loss)) {
            for (int s = 0; s < steps; s++) {
                float[] rows = step(distillation, s, SEQUENCES);
                for (int i = 0; i < rows.length; i++) {
                    sum[i] += rows[i];
                    squares[i] += (double) rows[i] * rows[i];
                }
            }
        }
        for (int i = 0; i < sum.length; i++) {
            double mean = sum[i] / steps, error = Math.sqrt((squares[i] / steps - mean * mean) / steps);
            assertThat(mean).as("%s at %d", loss, i).isCloseTo(exact[i], Cases.within(5.5 * error + 1e-4));
        }
    }

    @Test
    void drawsFollowTheLaw() {
        LawPair x = new LawPair();
        double[] q = {0.5, 0.25, 0.125, 0.125};
        x.q.probabilities = new float[Lanes.padded(4)];
        for (int i = 0; i < 4; i++) x.q.probabilities[i] = (float) q[i];
        int draws = 20_000;
        int[] counts = new int[x.q.probabilities.length];
        for (int s = 0; s < draws; s++)
            counts[Draws.draw(x.q.probabilities, counts.length, Draws.uniform(3, 4, 5, s))]++;
        for (int i = 0; i < counts.length; i++) {
            double p = i < 4 ? q[i] : 0, deviation = Math.sqrt(draws * p * (1 - p));
            assertThat((double) counts[i]).isCloseTo(draws * p, Cases.within(5 * deviation));
        }
    }

    @Test
    void aDrawDependsOnSeedStepAndPosition() {
        List<Double> all = new ArrayList<>();
        for (long seed = 0; seed < 3; seed++) {
            for (long step = 0; step < 3; step++) {
                for (long position = 0; position < 3; position++) all.add(Draws.uniform(seed, step, position, 0));
            }
        }
        assertThat(all).doesNotHaveDuplicates().allMatch(u -> u >= 0 && u < 1);
        assertThat(Draws.uniform(1, 2, 3, 4)).isEqualTo(Draws.uniform(1, 2, 3, 4));
    }
}
