package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The float kernels and what surrounds them, against the double references and themselves. */
class DistillationTest {
    private static final CpuDevice DEVICE = new CpuDevice(2);
    private static final int[] VOCABULARIES = {1, 2, 15, 16, 33, 259, 2049};
    private static final List<Divergence.PerPosition> LOSSES = List.of(
            new ForwardKl(),
            new ReverseKl(),
            new JensenShannon(),
            new TotalVariation(),
            new AcceptanceHybrid(3),
            new LabelCrossEntropy(),
            plus(Divergence.Scope.POSITION),
            plus(Divergence.Scope.SEQUENCE),
            plus(Divergence.Scope.BATCH));

    @AfterAll
    static void close() {
        DEVICE.close();
    }

    private static TotalVariationPlus plus(Divergence.Scope scope) {
        return new TotalVariationPlus(scope, new TotalVariationPlus.Exact());
    }

    /** A batch with the logits of both models. */
    private record Case(Batch batch, int vocabulary, float[] target, float[] draft) {
        static Case draw(RandomGenerator random, int sequences, int time, int vocabulary) {
            Batch batch = Cases.batch(random, sequences, time, vocabulary);
            float[] target = Seeds.normal(random, batch.positions() * vocabulary, 3);
            float[] draft = Seeds.normal(random, batch.positions() * vocabulary, 3);
            return new Case(batch, vocabulary, target, draft);
        }

        double[] logs(float[] of, int position, double temperature) {
            double[] row = new double[vocabulary];
            for (int i = 0; i < vocabulary; i++) row[i] = of[position * vocabulary + i];
            return DivergenceReference.logs(row, temperature);
        }

        FixedTeacher teacher() {
            return new FixedTeacher(target, vocabulary);
        }

        /** The gradient rows, with the scale that comes at the end of a step. */
        float[] gradient(CpuDevice device, Divergence loss, double temperature, int chunk) {
            float[] rows = draft.clone();
            try (Distillation distillation = new Distillation(device, teacher(), loss, temperature)) {
                distillation.beginStep(0);
                int whole = Math.ceilDiv(chunk, distillation.rowsTogether(batch.time()))
                        * distillation.rowsTogether(batch.time());
                Cases.run(distillation, batch, rows, vocabulary, whole, 1);
                float scale = (float) distillation.gradientScale();
                for (int i = 0; i < rows.length; i++) rows[i] *= scale;
            }
            return rows;
        }
    }

    @Test
    void kernelsAgreeWithTheirReferences() {
        Seeds.run(12, random -> {
            int vocabulary = VOCABULARIES[random.nextInt(VOCABULARIES.length)];
            Case c = Case.draw(random, 2, 3, vocabulary);
            double temperature = random.nextDouble(0.5, 1.5);
            for (Divergence.PerPosition loss : LOSSES)
                if (!(loss instanceof TotalVariationPlus)) compare(c, loss, temperature);
        });
    }

    private static void compare(Case c, Divergence.PerPosition loss, double temperature) {
        DivergenceReference reference = DivergenceReference.of(loss);
        float[] found = c.gradient(DEVICE, loss, temperature, 4);
        for (int t = 0; t < c.batch.positions(); t++) {
            double[] p = c.logs(c.target, t, temperature), q = c.logs(c.draft, t, temperature);
            double[] expected = new double[c.vocabulary], row = new double[c.vocabulary];
            int label = c.batch.labels()[t];
            boolean counts = c.batch.counted()[t] == 1 && (label >= 0 || !(loss instanceof LabelCrossEntropy));
            if (counts) expected = reference.gradient(p, q, label);
            for (int i = 0; i < row.length; i++) {
                row[i] = found[t * row.length + i] * temperature;
                assertThat(row[i]).as("%s %d %d", loss, t, i).isCloseTo(expected[i], Cases.within(counts ? 2e-5 : 0));
            }
        }
    }

    @Test
    void whatIsReportedAgrees() {
        Seeds.run(5, random -> {
            Case c = Case.draw(random, 2, 4, 67);
            for (Divergence.PerPosition loss : LOSSES) report(c, loss);
        });
    }

    private static void report(Case c, Divergence.PerPosition loss) {
        double value = 0, acceptance = 0;
        try (Distillation distillation = new Distillation(DEVICE, c.teacher(), loss, 1)) {
            double sum = Cases.run(distillation, c.batch, c.draft.clone(), c.vocabulary, 8, 1);
            for (int t = 0; t < c.batch.positions(); t++) {
                int label = c.batch.labels()[t];
                if (c.batch.counted()[t] == 0 || label < 0 && loss instanceof LabelCrossEntropy) continue;
                double[] p = c.logs(c.target, t, 1), q = c.logs(c.draft, t, 1);
                double alpha = DivergenceReference.acceptance(p, q);
                value += DivergenceReference.of(loss).value(p, q, label);
                acceptance += alpha;
                assertThat(distillation.acceptance()[t]).isCloseTo(alpha, Cases.within(1e-6));
                assertThat(distillation.agreement()[t]).isEqualTo(best(p) == best(q) ? 1 : 0);
            }
            assertThat(sum).isCloseTo(value, Cases.within(1e-5 * Math.max(1, value)));
            assertThat(distillation.acceptanceSum()).isCloseTo(acceptance, Cases.within(1e-5));
        }
    }

    private static int best(double[] logs) {
        int best = 0;
        for (int i = 1; i < logs.length; i++) if (logs[i] > logs[best]) best = i;
        return best;
    }

    @Test
    void chunksAndThreadsChangeNoBit() {
        Case c = Case.draw(Seeds.generator(5), 4, 6, 301);
        try (CpuDevice alone = new CpuDevice(1)) {
            for (Divergence.PerPosition loss : LOSSES) {
                float[] whole = c.gradient(alone, loss, 0.7, 24);
                assertThat(c.gradient(DEVICE, loss, 0.7, 5)).as("%s", loss).isEqualTo(whole);
            }
        }
    }

    @Test
    void onlyRowsThatCountAreAskedFor() {
        Case c = Case.draw(Seeds.generator(1), 1, 8, 20);
        byte[] counted = {0, 0, 1, 0, 1, 0, 0, 0};
        Batch batch = new Batch(1, 8, c.batch.tokens(), c.batch.labels(), counted);
        FixedTeacher teacher = c.teacher();
        float[] rows = c.draft.clone();
        try (Distillation loss = new Distillation(DEVICE, teacher, new ForwardKl(), 1)) {
            Cases.run(loss, batch, rows, 20, 8, 1);
            assertThat(teacher.asked).isEqualTo(3);
            Cases.run(loss, new Batch(1, 8, c.batch.tokens(), c.batch.labels(), new byte[8]), rows, 20, 8, 1);
            assertThat(teacher.asked).isEqualTo(3);
            assertThat(rows).containsOnly(0);
        }
    }

    @Test
    void extremeLogitsStayFinite() {
        Seeds.run(5, random -> {
            Case drawn = Case.draw(random, 2, 4, 50);
            float[] target = drawn.target.clone(), draft = drawn.draft.clone();
            for (int i = 0; i < target.length; i++) {
                target[i] *= 27;
                draft[i] *= 27;
            }
            Case c = new Case(drawn.batch, 50, target, draft);
            for (Divergence.PerPosition loss : LOSSES) {
                for (float g : c.gradient(DEVICE, loss, 0.7, 8))
                    assertThat(g).as("%s", loss).isFinite();
            }
        });
    }

    @Test
    void equalLawsHaveNoGradient() {
        Case drawn = Case.draw(Seeds.generator(2), 2, 4, 50);
        Case c = new Case(drawn.batch, 50, drawn.draft, drawn.draft);
        for (Divergence.PerPosition loss : LOSSES) {
            if (loss instanceof LabelCrossEntropy) continue;
            for (float g : c.gradient(DEVICE, loss, 1, 8))
                assertThat(g).as("%s", loss).isZero();
        }
    }

    @Test
    void vocabulariesMustBeTheSame() {
        Case c = Case.draw(Seeds.generator(3), 1, 2, 8);
        Batch batch = new Batch(1, 2, new int[2], new int[2], new byte[] {1, 1});
        try (Distillation loss = new Distillation(DEVICE, new FixedTeacher(new float[32], 16), new ForwardKl(), 1)) {
            assertThatThrownBy(() -> Cases.run(loss, batch, c.draft.clone(), 8, 2, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("16")
                    .hasMessageContaining("8");
        }
    }

    @Test
    void warmupIsFirstOneLossThenTheOther() {
        Divergence warm = new Divergence.Warmup(new ForwardKl(), new TotalVariationPlus(), 10);
        Case c = Case.draw(Seeds.generator(4), 1, 4, 30);
        try (Distillation loss = new Distillation(DEVICE, c.teacher(), warm, 1)) {
            for (long step : new long[] {0, 9, 10, 11}) {
                loss.beginStep(step);
                Divergence now = step < 10 ? new ForwardKl() : new TotalVariationPlus();
                float[] rows = c.draft.clone();
                Cases.run(loss, c.batch, rows, 30, 4, 1);
                for (int i = 0; i < rows.length; i++) rows[i] *= (float) loss.gradientScale();
                assertThat(rows).isEqualTo(c.gradient(DEVICE, now, 1, 4));
                assertThat(loss.changed()).isEqualTo(step == 10);
            }
        }
    }
}
