package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cpu.Threads;
import dev.outrider.trainer.Batch;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** The float kernel against plain loops in double, whatever the vocabulary, chunks and threads. */
class CrossEntropyTest {
    private static final int[] VOCABULARIES = {1, 2, 7, 16, 17, 50, 333, 4097};

    @Test
    void agreesWithPlainLoops() {
        Seeds.run(10, random -> {
            int vocabulary = VOCABULARIES[random.nextInt(VOCABULARIES.length)];
            compare(Cases.batch(random, 3, 5, vocabulary), vocabulary, random);
        });
    }

    private static void compare(Batch batch, int vocabulary, RandomGenerator random) {
        float[] logits = Seeds.normal(random, batch.positions() * vocabulary, 20);
        double weight = 1.0 / Math.max(1, batch.count());
        float[] gradient = logits.clone();
        double sum = run(batch, gradient, vocabulary, 4, 2, weight);
        double expected = 0;
        for (int t = 0; t < batch.positions(); t++) {
            double[] row = new double[vocabulary];
            if (counts(batch, t)) expected += row(logits, t, vocabulary, batch.labels()[t], weight, row);
            for (int i = 0; i < vocabulary; i++) {
                assertThat((double) gradient[t * vocabulary + i]).isCloseTo(row[i], Cases.within(1e-5 * weight));
            }
        }
        assertThat(sum).isCloseTo(expected, Cases.within(1e-5 * Math.max(1, expected)));
    }

    private static boolean counts(Batch batch, int t) {
        return batch.counted()[t] == 1 && batch.labels()[t] >= 0;
    }

    private static double row(float[] logits, int t, int vocabulary, int label, double weight, double[] gradient) {
        double max = Double.NEGATIVE_INFINITY, sum = 0;
        for (int i = 0; i < vocabulary; i++) max = Math.max(max, logits[t * vocabulary + i]);
        for (int i = 0; i < vocabulary; i++) sum += Math.exp(logits[t * vocabulary + i] - max);
        for (int i = 0; i < vocabulary; i++) {
            gradient[i] = weight * (Math.exp(logits[t * vocabulary + i] - max) / sum - (i == label ? 1 : 0));
        }
        return Math.log(sum) + max - logits[t * vocabulary + label];
    }

    /** Turns logits into their gradient; returns the sum. */
    private static double run(Batch batch, float[] logits, int vocabulary, int chunk, int threads, double weight) {
        try (Threads team = new Threads(threads)) {
            CrossEntropy loss = new CrossEntropy(team);
            return Cases.run(loss, batch, logits, vocabulary, chunk, weight);
        }
    }

    /** Against plain loops again: the value 1 - q, its slope q times the cross-entropy's; before its step the cross-entropy. */
    @Test
    void fromItsStepOnItIsTheDistanceFromCertainty() {
        Seeds.run(10, random -> {
            int vocabulary = VOCABULARIES[random.nextInt(VOCABULARIES.length)];
            Batch batch = Cases.batch(random, 3, 5, vocabulary);
            float[] logits = Seeds.normal(random, batch.positions() * vocabulary, 3);
            float[] before = logits.clone(), after = logits.clone();
            double weight = 1.0 / Math.max(1, batch.count()), expected = 0, sum;
            try (Threads team = new Threads(2)) {
                CrossEntropy loss = new CrossEntropy(team, Optional.empty(), 7);
                loss.beginStep(6);
                assertThat(loss.changed()).isFalse();
                double plain = Cases.run(loss, batch, before, vocabulary, 4, weight);
                float[] reference = logits.clone();
                assertThat(plain).isEqualTo(run(batch, reference, vocabulary, 4, 2, weight));
                assertThat(before).isEqualTo(reference);
                loss.beginStep(7);
                assertThat(loss.changed()).isTrue();
                sum = Cases.run(loss, batch, after, vocabulary, 4, weight);
                loss.beginStep(8);
                assertThat(loss.changed()).isFalse();
                assertThat(Cases.run(loss, batch, logits.clone(), vocabulary, 4, weight))
                        .isEqualTo(sum);
            }
            for (int t = 0; t < batch.positions(); t++) {
                double[] row = new double[vocabulary];
                double chance = 0;
                if (counts(batch, t)) {
                    chance = Math.exp(-row(logits, t, vocabulary, batch.labels()[t], weight, row));
                    expected += 1 - chance;
                }
                for (int i = 0; i < vocabulary; i++) {
                    double slope = chance * row[i];
                    assertThat((double) after[t * vocabulary + i]).isCloseTo(slope, Cases.within(1e-5 * weight));
                }
            }
            assertThat(sum).isCloseTo(expected, Cases.within(1e-5 * Math.max(1, expected)));
        });
    }

    @Test
    void chunksAndThreadsChangeNoBit() {
        RandomGenerator random = Seeds.generator(1);
        int vocabulary = 1001;
        Batch batch = Cases.batch(random, 4, 8, vocabulary);
        float[] one = Seeds.normal(random, batch.positions() * vocabulary, 5), other = one.clone();
        double sum = run(batch, one, vocabulary, 32, 1, 0.1);
        assertThat(run(batch, other, vocabulary, 5, 3, 0.1)).isEqualTo(sum);
        assertThat(other).isEqualTo(one);
    }

    @Test
    void aBadLogitIsSeen() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            Batch batch = new Batch(1, 1, new int[1], new int[1], new byte[] {1});
            float[] logits = {0, 1, bad, 3};
            assertThat(run(batch, logits, 4, 1, 1, 1)).isNaN();
            assertThat(logits[3]).isNaN();
        }
    }

    @Test
    void withoutCountedPositionsAllIsZero() {
        Batch batch = new Batch(1, 2, new int[2], new int[] {0, -1}, new byte[] {0, 1});
        float[] logits = {1, 2, 3, 4};
        assertThat(run(batch, logits, 2, 2, 1, 1)).isZero();
        assertThat(logits).isEqualTo(new float[4]);
    }
}
