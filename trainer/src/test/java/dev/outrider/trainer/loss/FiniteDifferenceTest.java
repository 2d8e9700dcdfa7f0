package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** The references' gradients against central differences of their values, what is held constant held constant. */
class FiniteDifferenceTest {
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-7;

    private static double[] logits(RandomGenerator random, int vocabulary) {
        return random.doubles(vocabulary, -3, 3).toArray();
    }

    private static double[] logs(double[] z) {
        return DivergenceReference.logs(z, 1);
    }

    private static double[] difference(double[] z, ToDoubleFunction<double[]> value) {
        double[] gradient = new double[z.length];
        for (int i = 0; i < z.length; i++) {
            double[] up = z.clone(), down = z.clone();
            up[i] += STEP;
            down[i] -= STEP;
            gradient[i] = (value.applyAsDouble(up) - value.applyAsDouble(down)) / (2 * STEP);
        }
        return gradient;
    }

    @Test
    void everyLoss() {
        List<Divergence.PerPosition> losses = List.of(
                new ForwardKl(), new ReverseKl(), new JensenShannon(), new TotalVariation(), new LabelCrossEntropy());
        Seeds.run(10, random -> {
            int vocabulary = 2 + random.nextInt(20), label = random.nextInt(vocabulary);
            double[] p = logs(logits(random, vocabulary)), z = logits(random, vocabulary);
            for (Divergence.PerPosition loss : losses) {
                DivergenceReference reference = DivergenceReference.of(loss);
                double[] expected = difference(z, at -> reference.value(p, logs(at), label));
                assertThat(reference.gradient(p, logs(z), label)).containsExactly(expected, Cases.within(TOLERANCE));
            }
        });
    }

    @Test
    void hybridAtItsOwnLambda() {
        Seeds.run(10, random -> {
            double[] p = logs(logits(random, 9)), z = logits(random, 9);
            AcceptanceHybridReference reference = new AcceptanceHybridReference(3);
            double lambda = reference.lambda(p, logs(z));
            double[] expected = difference(z, at -> reference.blend(lambda, p, logs(at), 0));
            assertThat(reference.gradient(p, logs(z), 0)).containsExactly(expected, Cases.within(TOLERANCE));
        });
    }

    @Test
    void totalVariationPlusWithItsRewardsMeanAndDeviation() {
        Seeds.run(10, random -> {
            List<double[]> p = List.of(logs(logits(random, 9)), logs(logits(random, 9)));
            List<double[]> z = List.of(logits(random, 9), logits(random, 9));
            var reference = new TotalVariationPlusReference(
                    p, z.stream().map(FiniteDifferenceTest::logs).toList());
            double[] expected = difference(z.get(1), at -> surrogate(reference, logs(at)));
            assertThat(reference.gradient(1)).containsExactly(expected, Cases.within(TOLERANCE));
        });
    }

    /** -Σ q A at position 1, A from the laws that the reference holds. */
    private static double surrogate(TotalVariationPlusReference reference, double[] logQ) {
        double sum = 0;
        for (int x = 0; x < logQ.length; x++) {
            int reward = TotalVariationReference.reward(
                    reference.logP().get(1), reference.logQ().get(1), x);
            sum -= Math.exp(logQ[x]) * (reward - reference.mean()) / reference.deviation();
        }
        return sum;
    }
}
