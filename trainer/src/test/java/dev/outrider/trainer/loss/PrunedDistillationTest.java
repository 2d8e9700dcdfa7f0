package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Losses of a draft that says only some of the target's tokens, against double loops and finite differences. */
class PrunedDistillationTest {
    private static final CpuDevice DEVICE = new CpuDevice(2);
    private static final double STEP = 1e-5;
    private static final List<Divergence.PerPosition> LOSSES = List.of(
            new ForwardKl(),
            new ReverseKl(),
            new JensenShannon(),
            new TotalVariation(),
            new AcceptanceHybrid(3),
            new LabelCrossEntropy(),
            new TotalVariationPlus(Divergence.Scope.POSITION, new TotalVariationPlus.Exact()));

    @AfterAll
    static void close() {
        DEVICE.close();
    }

    /** Distinct ids in random order. */
    static DraftVocabulary map(RandomGenerator random, int vocabulary, int size) {
        return new DraftVocabulary(
                vocabulary, random.ints(0, vocabulary).distinct().limit(size).toArray());
    }

    /** A batch with the target's logits over all tokens and the draft's over its own. */
    private record Case(Batch batch, DraftVocabulary outputs, float[] target, float[] draft) {
        static Case draw(RandomGenerator random, int vocabulary, int size) {
            Batch batch = Cases.batch(random, 2, 4, vocabulary);
            float[] target = Seeds.normal(random, batch.positions() * vocabulary, 3);
            float[] draft = Seeds.normal(random, batch.positions() * size, 3);
            return new Case(batch, map(random, vocabulary, size), target, draft);
        }

        double[] target(int position, double temperature) {
            return logs(target, outputs.vocabulary(), position, temperature);
        }

        double[] draft(int position, double temperature) {
            return logs(draft, outputs.size(), position, temperature);
        }

        private static double[] logs(float[] of, int width, int position, double temperature) {
            double[] row = IntStream.range(0, width)
                    .mapToDouble(i -> of[position * width + i])
                    .toArray();
            return DivergenceReference.logs(row, temperature);
        }

        int label(int position) {
            int label = batch.labels()[position];
            return label < 0 ? -1 : outputs.draft(label);
        }

        boolean counts(int position, Divergence loss) {
            return batch.counted()[position] == 1 && (label(position) >= 0 || !(loss instanceof LabelCrossEntropy));
        }

        Distillation distillation(Divergence loss, double temperature) {
            FixedTeacher teacher = new FixedTeacher(target, outputs.vocabulary());
            return new Distillation(DEVICE, teacher, loss, temperature, Optional.of(outputs));
        }
    }

    @Test
    void kernelsAgreeWithTheirReferences() {
        Seeds.run(12, random -> {
            int vocabulary = random.nextInt(2, 400), size = random.nextInt(1, vocabulary);
            Case c = Case.draw(random, vocabulary, size);
            double temperature = random.nextDouble(0.5, 1.5);
            for (Divergence.PerPosition loss : LOSSES) compare(c, loss, temperature);
        });
    }

    private static void compare(Case c, Divergence.PerPosition loss, double temperature) {
        PrunedReference reference = new PrunedReference(loss, c.outputs);
        int size = c.outputs.size();
        float[] rows = c.draft.clone();
        double value = 0;
        long counted = 0;
        try (Distillation distillation = c.distillation(loss, temperature)) {
            double sum = Cases.run(distillation, c.batch, rows, size, 4, 1);
            for (int t = 0; t < c.batch.positions(); t++) {
                double[] p = c.target(t, temperature), q = c.draft(t, temperature), expected = new double[size];
                if (c.counts(t, loss)) {
                    counted++;
                    value += reference.value(p, q, c.label(t));
                    expected = reference.gradient(p, q, c.label(t));
                    seen(distillation, c, t, p, reference.all(q));
                }
                for (int i = 0; i < size; i++) {
                    assertThat(rows[t * size + i] * temperature)
                            .as("%s %d %d", loss, t, i)
                            .isCloseTo(expected[i], Cases.within(3e-5));
                }
            }
            assertThat(sum).as("%s", loss).isCloseTo(value, Cases.within(3e-5 * Math.max(1, value)));
            assertThat(distillation.count(c.batch)).isEqualTo(counted);
        }
    }

    /** α and agreement are those of the whole laws: what decoding will see. */
    private static void seen(Distillation distillation, Case c, int t, double[] p, double[] q) {
        double alpha = DivergenceReference.acceptance(p, q);
        assertThat(distillation.acceptance()[t]).isCloseTo(alpha, Cases.within(1e-6));
        assertThat(distillation.agreement()[t]).isEqualTo(best(p) == best(q) ? 1 : 0);
    }

    private static int best(double[] logs) {
        return IntStream.range(0, logs.length)
                .reduce((a, b) -> logs[b] > logs[a] ? b : a)
                .getAsInt();
    }

    @Test
    void referencesAreTheDerivativesOfTheirValues() {
        Seeds.run(8, random -> {
            int vocabulary = 3 + random.nextInt(20), size = 1 + random.nextInt(vocabulary - 1);
            DraftVocabulary outputs = map(random, vocabulary, size);
            double[] p =
                    DivergenceReference.logs(random.doubles(vocabulary, -3, 3).toArray(), 1);
            double[] z = random.doubles(size, -3, 3).toArray(), q = DivergenceReference.logs(z, 1);
            for (Divergence.PerPosition loss : LOSSES) {
                if (loss instanceof TotalVariationPlus) continue; // TVD over σ, which its own test differentiates
                PrunedReference reference = new PrunedReference(loss, outputs);
                int label = random.nextInt(size);
                ToDoubleFunction<double[]> value = loss instanceof AcceptanceHybrid(double eta)
                        ? logs -> reference.blend(reference.lambda(eta, p, q), p, logs)
                        : logs -> reference.value(p, logs, label);
                assertThat(reference.gradient(p, q, label))
                        .as("%s", loss)
                        .containsExactly(differences(z, value), Cases.within(1e-7));
            }
        });
    }

    private static double[] differences(double[] z, ToDoubleFunction<double[]> value) {
        double[] gradient = new double[z.length];
        for (int i = 0; i < z.length; i++) {
            double[] up = z.clone(), down = z.clone();
            up[i] += STEP;
            down[i] -= STEP;
            gradient[i] = (value.applyAsDouble(DivergenceReference.logs(up, 1))
                            - value.applyAsDouble(DivergenceReference.logs(down, 1)))
                    / (2 * STEP);
        }
        return gradient;
    }

    @Test
    void aMapOfAllTokensChangesNoBit() {
        int vocabulary = 301;
        Case drawn = Case.draw(Seeds.generator(5), vocabulary, vocabulary);
        DraftVocabulary all =
                new DraftVocabulary(vocabulary, IntStream.range(0, vocabulary).toArray());
        Case c = new Case(drawn.batch, all, drawn.target, drawn.draft);
        for (Divergence.PerPosition loss : LOSSES) {
            float[] with = c.draft.clone(), without = c.draft.clone();
            FixedTeacher teacher = new FixedTeacher(c.target, vocabulary);
            try (Distillation mapped = c.distillation(loss, 0.7);
                    Distillation plain = new Distillation(DEVICE, teacher, loss, 0.7)) {
                double sum = Cases.run(mapped, c.batch, with, vocabulary, 8, 1);
                assertThat(Cases.run(plain, c.batch, without, vocabulary, 8, 1)).isEqualTo(sum);
                assertThat(with).as("%s", loss).isEqualTo(without);
            }
        }
    }

    /** Cross entropy over its own tokens; positions whose label it cannot say are left out and counted. */
    @Test
    void crossEntropyLeavesOutWhatCannotBeSaid() {
        Seeds.run(8, random -> {
            Case c = Case.draw(random, 40, 1 + random.nextInt(39));
            int size = c.outputs.size();
            CrossEntropy loss = new CrossEntropy(DEVICE.threads(), Optional.of(c.outputs));
            float[] rows = c.draft.clone();
            double sum = Cases.run(loss, c.batch, rows, size, 3, 0.5), expected = 0;
            long counted = 0;
            for (int t = 0; t < c.batch.positions(); t++) {
                boolean counts = c.counts(t, new LabelCrossEntropy());
                double[] q = c.draft(t, 1);
                if (counts) expected -= q[c.label(t)];
                if (counts) counted++;
                for (int i = 0; i < size; i++) {
                    double slope = counts ? 0.5 * (Math.exp(q[i]) - (i == c.label(t) ? 1 : 0)) : 0;
                    assertThat((double) rows[t * size + i]).isCloseTo(slope, Cases.within(1e-5));
                }
            }
            assertThat(sum).isCloseTo(expected, Cases.within(1e-5 * Math.max(1, expected)));
            assertThat(loss.count(c.batch)).isEqualTo(counted);
        });
    }

    @Test
    void theTargetMustHaveTheVocabularyOfTheMap() {
        DraftVocabulary outputs = new DraftVocabulary(8, new int[] {1, 2});
        Batch batch = new Batch(1, 2, new int[2], new int[2], new byte[] {1, 1});
        FixedTeacher teacher = new FixedTeacher(new float[32], 16);
        try (Distillation loss = new Distillation(DEVICE, teacher, new ForwardKl(), 1, Optional.of(outputs))) {
            assertThatThrownBy(() -> Cases.run(loss, batch, new float[4], 2, 2, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("16 tokens and a draft of 8");
            assertThatThrownBy(() -> Cases.run(loss, batch, new float[6], 3, 2, 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("3 logits for a draft of 2 of 8 tokens");
        }
    }
}
