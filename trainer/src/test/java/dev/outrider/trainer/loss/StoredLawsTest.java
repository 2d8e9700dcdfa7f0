package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.BatchLaws;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Losses from stored top-k laws: what they are, how far from the exact ones, and that all of it is the exact one. */
class StoredLawsTest {
    private static final CpuDevice DEVICE = new CpuDevice(2);
    private static final int TIME = 4;
    private static final double STEP = 1e-5;
    private static final TotalVariationPlus PLUS =
            new TotalVariationPlus(Divergence.Scope.SEQUENCE, new TotalVariationPlus.Exact());
    private static final List<Divergence.PerPosition> LOSSES = List.of(
            new ForwardKl(),
            new ReverseKl(),
            new JensenShannon(),
            new TotalVariation(),
            new AcceptanceHybrid(3),
            new LabelCrossEntropy());

    @AfterAll
    static void close() {
        DEVICE.close();
    }

    /** Two sequences with the target's logits over all tokens, the draft's over its own, and k stored entries. */
    private record Case(Batch batch, DraftVocabulary outputs, float[] target, float[] draft, int k) {
        static Case draw(RandomGenerator random, int vocabulary, int size, int k) {
            DraftVocabulary outputs = size < vocabulary
                    ? PrunedDistillationTest.map(random, vocabulary, size)
                    : new DraftVocabulary(
                            vocabulary, IntStream.range(0, vocabulary).toArray());
            Batch batch = Cases.batch(random, 2, TIME, vocabulary);
            for (int i = TIME - 1; i < 2 * TIME; i += TIME) batch.counted()[i] = 0;
            float[] target = Seeds.normal(random, batch.positions() * vocabulary, 2);
            float[] draft = Seeds.normal(random, batch.positions() * size, 2);
            Case bare = new Case(batch, outputs, target, draft, k);
            return new Case(batch.with(bare.stored()), outputs, target, draft, k);
        }

        private BatchLaws stored() {
            int[] ids = new int[batch.positions() * k];
            float[] logs = new float[ids.length];
            Arrays.fill(ids, -1);
            for (int i = 0; i < batch.positions(); i++) {
                if (i % TIME == 0) continue;
                double[] p = target(i - 1);
                int[] top = top(p);
                for (int j = 0; j < k; j++) {
                    ids[i * k + j] = top[j];
                    logs[i * k + j] = (float) p[top[j]];
                }
            }
            return new BatchLaws(k, ids, logs);
        }

        /** The k likeliest ids. */
        int[] top(double[] logs) {
            return IntStream.range(0, logs.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(id -> -logs[id]))
                    .mapToInt(id -> id)
                    .limit(k)
                    .toArray();
        }

        double[] target(int position) {
            return logs(target, outputs.vocabulary(), position);
        }

        double[] draft(int position) {
            return logs(draft, outputs.size(), position);
        }

        private static double[] logs(float[] of, int width, int position) {
            return DivergenceReference.logs(row(of, width, position), 1);
        }

        static double[] row(float[] of, int width, int position) {
            return IntStream.range(position * width, (position + 1) * width)
                    .mapToDouble(i -> of[i])
                    .toArray();
        }

        int label(int position) {
            return batch.labels()[position] < 0 ? -1 : outputs.draft(batch.labels()[position]);
        }

        boolean counts(int position, Divergence loss) {
            return batch.counted()[position] == 1 && (label(position) >= 0 || !(loss instanceof LabelCrossEntropy));
        }

        Distillation distillation(Divergence loss) {
            return Distillation.stored(DEVICE, outputs.vocabulary(), loss, 1, Optional.of(outputs));
        }

        Distillation online(Divergence loss) {
            FixedTeacher teacher = new FixedTeacher(target, outputs.vocabulary());
            return new Distillation(DEVICE, teacher, loss, 1, Optional.of(outputs));
        }

        double run(Distillation loss, float[] rows) {
            loss.beginStep(0);
            return Cases.run(loss, batch, rows, outputs.size(), 4, 1);
        }
    }

    /**
     * The laws of one position over k + 1 events: the stored ids, in their order, and the rest; of the draft only
     * the events that it can say.
     */
    private record Coarse(Case c, int position) {
        double[] target() {
            double[] p = c.target(position), coarse = new double[c.k + 1];
            int[] top = c.top(p);
            double tail = 1;
            for (int j = 0; j < c.k; j++) {
                coarse[j] = p[top[j]];
                tail -= Math.exp(p[top[j]]);
            }
            coarse[c.k] = Math.log(Math.max(tail, 1e-7));
            return coarse;
        }

        double tail() {
            return Math.exp(target()[c.k]);
        }

        DraftVocabulary events() {
            int[] top = c.top(c.target(position));
            IntStream said = IntStream.range(0, c.k).filter(j -> c.outputs.draft(top[j]) >= 0);
            boolean all =
                    Arrays.stream(top).filter(id -> c.outputs.draft(id) >= 0).count() == c.outputs.size();
            return new DraftVocabulary(c.k + 1, (all ? said : IntStream.concat(said, IntStream.of(c.k))).toArray());
        }

        double[] draft(double[] logQ) {
            DraftVocabulary events = events();
            int[] top = c.top(c.target(position));
            double[] coarse = new double[events.size()];
            double tail = 1;
            for (int e = 0; e < coarse.length; e++) {
                if (events.target(e) == c.k) continue;
                coarse[e] = logQ[c.outputs.draft(top[events.target(e)])];
                tail -= Math.exp(coarse[e]);
            }
            if (events.draft(c.k) >= 0) coarse[events.draft(c.k)] = Math.log(tail);
            return coarse;
        }

        double value(Divergence.PerPosition loss, double[] logQ) {
            if (loss instanceof LabelCrossEntropy) return -logQ[c.label(position)];
            return new PrunedReference(loss, events()).value(target(), draft(logQ), 0);
        }

        /** By central differences, LK-hybrid's λ held. */
        double[] gradient(Divergence.PerPosition loss) {
            double[] z = Case.row(c.draft, c.outputs.size(), position), gradient = new double[z.length];
            PrunedReference reference = new PrunedReference(loss, events());
            double lambda = reference.lambda(3, target(), draft(c.draft(position)));
            for (int i = 0; i < z.length; i++) {
                double[] up = z.clone(), down = z.clone();
                up[i] += STEP;
                down[i] -= STEP;
                gradient[i] = (held(loss, reference, lambda, up) - held(loss, reference, lambda, down)) / (2 * STEP);
            }
            return gradient;
        }

        private double held(Divergence.PerPosition loss, PrunedReference reference, double lambda, double[] z) {
            double[] q = DivergenceReference.logs(z, 1);
            return loss instanceof AcceptanceHybrid ? reference.blend(lambda, target(), draft(q)) : value(loss, q);
        }
    }

    @Test
    void areTheLossesOfTheCoarsenedLaws() {
        Seeds.run(10, random -> {
            int vocabulary = random.nextInt(3, 60), size = random.nextInt(2, vocabulary + 1);
            Case c = Case.draw(random, vocabulary, size, 1 + random.nextInt(Math.min(8, vocabulary - 1)));
            for (Divergence.PerPosition loss : LOSSES) compare(c, loss);
        });
    }

    private static void compare(Case c, Divergence.PerPosition loss) {
        float[] rows = c.draft.clone();
        int size = c.outputs.size();
        double value = 0;
        try (Distillation distillation = c.distillation(loss)) {
            double sum = c.run(distillation, rows);
            for (int t = 0; t < c.batch.positions(); t++) {
                Coarse coarse = new Coarse(c, t);
                double[] expected = c.counts(t, loss) ? coarse.gradient(loss) : new double[size];
                if (c.counts(t, loss)) value += coarse.value(loss, c.draft(t));
                for (int i = 0; i < size; i++) {
                    assertThat((double) rows[t * size + i])
                            .as("%s %d %d", loss, t, i)
                            .isCloseTo(expected[i], Cases.within(3e-5));
                }
            }
            assertThat(sum).as("%s", loss).isCloseTo(value, Cases.within(5e-5 * Math.max(1, value)));
        }
    }

    @Test
    void allEntriesAreTheOnlineLoss() {
        Seeds.run(10, random -> {
            int vocabulary = random.nextInt(2, 80), size = random.nextInt(1, vocabulary + 1);
            Case c = Case.draw(random, vocabulary, size, vocabulary);
            for (Divergence.PerPosition loss : LOSSES) same(c, loss);
            same(c, PLUS);
            same(c, new TotalVariationPlus());
        });
    }

    private static void same(Case c, Divergence.PerPosition loss) {
        float[] stored = c.draft.clone(), online = c.draft.clone();
        try (Distillation a = c.distillation(loss);
                Distillation b = c.online(loss)) {
            double sum = c.run(b, online);
            assertThat(c.run(a, stored)).as("%s", loss).isCloseTo(sum, Cases.within(2e-6 * Math.max(1, sum)));
            assertThat(a.acceptanceSum()).isCloseTo(b.acceptanceSum(), Cases.within(1e-6));
            assertThat(a.gradientScale()).isCloseTo(b.gradientScale(), Cases.within(1e-5 * b.gradientScale()));
            for (int i = 0; i < stored.length; i++) {
                assertThat((double) stored[i]).as("%s %d", loss, i).isCloseTo(online[i], Cases.within(2e-6));
            }
            for (int t = 0; t < c.batch.positions(); t++) {
                assertThat(a.agreement()[t]).isEqualTo(b.agreement()[t]);
            }
        }
    }

    /** Against the exact divergences, position by position. */
    @Test
    void theDocumentedBoundsHold() {
        Seeds.run(40, random -> {
            int vocabulary = random.nextInt(3, 60), size = random.nextInt(2, vocabulary + 1);
            Case c = Case.draw(random, vocabulary, size, 1 + random.nextInt(vocabulary - 1));
            for (int t = 0; t < c.batch.positions(); t++) if (t % TIME != TIME - 1) bounds(new Coarse(c, t));
        });
    }

    private static void bounds(Coarse x) {
        double[] p = x.c.target(x.position), q = x.c.draft(x.position);
        double slack = 1e-6;
        boolean lumped = x.events().draft(x.c.k) >= 0;
        double pt = x.tail(), qt = lumped ? Math.exp(x.draft(q)[x.events().draft(x.c.k)]) : 0, both = Math.min(pt, qt);
        between(x, new TotalVariation(), p, q, both + slack);
        double mixed = pt * Math.log((pt + qt) / pt) + (qt > 0 ? qt * Math.log((pt + qt) / qt) : 0);
        between(x, new JensenShannon(), p, q, mixed / 2 + slack);
        assertThat(mixed).isLessThanOrEqualTo((pt + qt) * Math.log(2) + slack);
        between(x, new ReverseKl(), p, q, Double.POSITIVE_INFINITY);
        if (x.c.outputs.size() == x.c.outputs.vocabulary()) between(x, new ForwardKl(), p, q, Double.POSITIVE_INFINITY);
        double alpha = DivergenceReference.acceptance(p, new PrunedReference(new TotalVariation(), x.c.outputs).all(q));
        double upper = DivergenceReference.acceptance(
                x.target(), new PrunedReference(new TotalVariation(), x.events()).all(x.draft(q)));
        assertThat(alpha).isBetween(upper - both - slack, upper + slack);
    }

    private static void between(Coarse x, Divergence.PerPosition loss, double[] p, double[] q, double error) {
        double exact = new PrunedReference(loss, x.c.outputs).value(p, q, 0);
        assertThat(exact - x.value(loss, q)).as("%s", loss).isBetween(-1e-6, error);
    }

    /** The gradient of KL is off by at most 2 p_t in all, and not at all on stored ids. */
    @Test
    void theGradientOfKlIsOffInTheTailAlone() {
        Seeds.run(10, random -> {
            int vocabulary = random.nextInt(3, 60);
            Case c = Case.draw(random, vocabulary, vocabulary, 1 + random.nextInt(vocabulary - 1));
            float[] stored = c.draft.clone(), online = c.draft.clone();
            try (Distillation a = c.distillation(new ForwardKl());
                    Distillation b = c.online(new ForwardKl())) {
                c.run(a, stored);
                c.run(b, online);
            }
            for (int t = 0; t < c.batch.positions(); t++) {
                double off = 0;
                for (int i = t * vocabulary; i < (t + 1) * vocabulary; i++) off += Math.abs(stored[i] - online[i]);
                if (c.batch.counted()[t] == 0) assertThat(off).isZero();
                else assertThat(off).isLessThanOrEqualTo(2 * new Coarse(c, t).tail() + 1e-5);
                for (int id : c.top(c.target(t))) {
                    assertThat((double) stored[t * vocabulary + id])
                            .isCloseTo(online[t * vocabulary + id], Cases.within(1e-6));
                }
            }
        });
    }

    @Test
    void positionsWithoutALawDoNotCount() {
        Case c = Case.draw(Seeds.generator(3), 20, 12, 4);
        Arrays.fill(c.batch.counted(), (byte) 1);
        for (int j = 0; j < 4; j++) c.batch.laws().orElseThrow().ids()[2 * 4 + j] = -1; // of token 2: position 1
        float[] rows = c.draft.clone();
        try (Distillation loss = c.distillation(new ForwardKl())) {
            c.run(loss, rows);
            assertThat(loss.count(c.batch)).isEqualTo(2 * TIME - 3);
        }
        for (int t = 0; t < 2 * TIME; t++) {
            boolean none = t == 1 || t % TIME == TIME - 1;
            float[] row = Arrays.copyOfRange(rows, t * 12, (t + 1) * 12);
            if (none) assertThat(row).containsOnly(0);
            else assertThat(row).doesNotContain(0);
        }
    }

    @Test
    void partsOfABatchKeepTheirLaws() {
        Case c = Case.draw(Seeds.generator(4), 20, 12, 4);
        float[] whole = c.draft.clone(), half = Arrays.copyOfRange(c.draft, TIME * 12, 2 * TIME * 12);
        try (Distillation loss = c.distillation(new ForwardKl())) {
            c.run(loss, whole);
            Cases.run(loss, c.batch.part(1, 2), half, 12, TIME, 1);
        }
        assertThat(half).isEqualTo(Arrays.copyOfRange(whole, TIME * 12, 2 * TIME * 12));
    }

    @Test
    void extremeLawsStayFinite() {
        Seeds.run(5, random -> {
            Case drawn = Case.draw(random, 50, 30, 6);
            for (float scale : new float[] {0.001f, 40}) {
                float[] target = drawn.target.clone(), draft = drawn.draft.clone();
                for (int i = 0; i < target.length; i++) target[i] *= scale;
                for (int i = 0; i < draft.length; i++) draft[i] *= scale;
                Case c = new Case(drawn.batch, drawn.outputs, target, draft, 6);
                c = new Case(c.batch.with(c.stored()), c.outputs, target, draft, 6);
                for (Divergence.PerPosition loss : LOSSES) {
                    float[] rows = draft.clone();
                    try (Distillation distillation = c.distillation(loss)) {
                        assertThat(c.run(distillation, rows)).as("%s", loss).isFinite();
                    }
                    for (float g : rows) assertThat(g).as("%s", loss).isFinite();
                }
            }
        });
    }

    /** Rounded logarithms may add up to more than 1; no logit is then pushed in the mean. */
    @Test
    void anExcessIsDividedOut() {
        Case c = Case.draw(Seeds.generator(7), 30, 30, 30);
        BatchLaws laws = c.batch.laws().orElseThrow();
        float[] as = c.draft.clone(), more = c.draft.clone();
        try (Distillation loss = c.distillation(new ForwardKl())) {
            c.run(loss, as);
            for (int i = 0; i < laws.logs().length; i++) laws.logs()[i] += 0.01f;
            c.run(loss, more);
        }
        for (int i = 0; i < as.length; i++) assertThat((double) more[i]).isCloseTo(as[i], Cases.within(2e-6));
    }

    @Test
    void whatCannotBeIsRefused() {
        Case c = Case.draw(Seeds.generator(5), 20, 12, 4);
        assertThatThrownBy(() -> Distillation.stored(DEVICE, 20, new ForwardKl(), 0.7, Optional.empty()))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("temperature 0.7")
                .hasMessageContaining("only the sum");
        Batch bare = Cases.batch(Seeds.generator(6), 2, TIME, 20);
        try (Distillation loss = c.distillation(new ForwardKl())) {
            assertThatThrownBy(() -> Cases.run(loss, bare, c.draft.clone(), 12, 4, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("rows without them");
            c.batch.laws().orElseThrow().ids()[4] = 20;
            Arrays.fill(c.batch.counted(), 0, TIME, (byte) 1);
            assertThatThrownBy(() -> Cases.run(loss, c.batch, c.draft.clone(), 12, 4, 1))
                    .hasStackTraceContaining("found id 20; expected ids below 20");
        }
    }
}
