package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The double references against PyTorch in float64, to 1e-10 of max abs. */
@Tag("goldens")
class ReferenceGoldensTest {
    private static final double TOLERANCE = 1e-10;

    @Test
    void valuesAgree() {
        for (LossGolden golden : LossGolden.all()) {
            for (LossGolden.Expected e : golden.expected()) {
                if (e.loss().startsWith("tvdpp")) continue; // a surrogate, not a loss
                double[] expected = golden.values(e.key() + ".value"), found = new double[golden.positions()];
                for (int t = 0; t < found.length; t++) found[t] = value(golden, e, t);
                close(golden + " " + e.key(), expected, found);
            }
        }
    }

    private static double value(LossGolden golden, LossGolden.Expected e, int t) {
        double[] p = golden.logP(t, e.temperature()), q = golden.logQ(t, e.temperature());
        if (e.loss().equals("acceptance")) return DivergenceReference.acceptance(p, q);
        return DivergenceReference.of(LossGolden.loss(e.loss())).value(p, q, golden.labels()[t]);
    }

    @Test
    void gradientsAgree() {
        for (LossGolden golden : LossGolden.all()) {
            for (LossGolden.Expected e : golden.expected()) {
                double[] found = new double[golden.draft().length];
                for (int t = 0; t < golden.positions(); t++) {
                    double weight = golden.mask()[t] / e.temperature() / golden.count();
                    if (e.loss().equals("acceptance")) weight = -weight;
                    if (weight != 0) put(found, t, gradient(golden, e, t), weight);
                }
                close(golden + " " + e.key(), golden.values(e.key() + ".grad"), found);
            }
        }
    }

    private static double[] gradient(LossGolden golden, LossGolden.Expected e, int t) {
        Divergence.PerPosition loss = LossGolden.loss(e.loss());
        double[] p = golden.logP(t, e.temperature()), q = golden.logQ(t, e.temperature());
        if (!(loss instanceof TotalVariationPlus plus)) {
            return DivergenceReference.of(loss).gradient(p, q, golden.labels()[t]);
        }
        int[] together = golden.together(plus.scope(), t);
        return reference(golden, e, together).gradient(Arrays.binarySearch(together, t));
    }

    private static TotalVariationPlusReference reference(LossGolden golden, LossGolden.Expected e, int[] positions) {
        List<double[]> p = Arrays.stream(positions)
                .mapToObj(t -> golden.logP(t, e.temperature()))
                .toList();
        List<double[]> q = Arrays.stream(positions)
                .mapToObj(t -> golden.logQ(t, e.temperature()))
                .toList();
        return new TotalVariationPlusReference(p, q);
    }

    private static void put(double[] rows, int t, double[] row, double weight) {
        for (int i = 0; i < row.length; i++) rows[t * row.length + i] = weight * row[i];
    }

    @Test
    void meansAndDeviationsAgree() {
        for (LossGolden golden : LossGolden.all()) {
            for (LossGolden.Expected e : golden.expected()) {
                if (LossGolden.loss(e.loss()) instanceof TotalVariationPlus plus) moments(golden, e, plus.scope());
            }
        }
    }

    private static void moments(LossGolden golden, LossGolden.Expected e, Divergence.Scope scope) {
        double[] means = golden.values(e.key() + ".mu"), deviations = golden.values(e.key() + ".sigma");
        for (int t = 0; t < golden.positions(); t++) {
            if (golden.mask()[t] == 0) continue;
            int at = switch (scope) {
                case POSITION -> t;
                case SEQUENCE -> golden.sequence()[t];
                case BATCH -> 0;
            };
            var reference = reference(golden, e, golden.together(scope, t));
            assertThat(reference.mean()).isCloseTo(means[at], Cases.within(TOLERANCE));
            assertThat(reference.deviation()).isCloseTo(deviations[at], Cases.within(TOLERANCE));
        }
    }

    private static void close(String what, double[] expected, double[] found) {
        Cases.close(what, expected, found, TOLERANCE);
    }
}
