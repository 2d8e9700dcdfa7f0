package dev.outrider.trainer.loss;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class BlockEfficiencyTest {
    /** Rounds of one random run. */
    private static int simulate(double[] alpha, int gamma, RandomGenerator random) {
        int rounds = 0;
        for (int t = 0; t < alpha.length; rounds++) {
            int drafted = Math.min(gamma, alpha.length - t - 1), accepted = 0;
            while (accepted < drafted && random.nextDouble() < alpha[t + accepted]) accepted++;
            t += accepted + 1;
        }
        return rounds;
    }

    @Test
    void agreesWithSimulation() {
        Seeds.run(6, random -> {
            double[] alpha = random.doubles(1 + random.nextInt(40)).toArray();
            int gamma = 1 + random.nextInt(6), runs = 40_000;
            double sum = 0, squares = 0;
            for (int run = 0; run < runs; run++) {
                double rounds = simulate(alpha, gamma, random);
                sum += rounds;
                squares += rounds * rounds;
            }
            double mean = sum / runs, error = Math.sqrt(Math.max(0, squares / runs - mean * mean) / runs);
            assertThat(BlockEfficiency.rounds(alpha, gamma)).isCloseTo(mean, Cases.within(5 * error + 1e-9));
        });
    }

    @Test
    void longSequencesOfOneAlphaHaveTheClosedForm() {
        for (double alpha : new double[] {0, 0.3, 0.8, 0.95}) {
            for (int gamma : new int[] {1, 3, 5, 10}) {
                double[] constant = new double[200_000];
                Arrays.fill(constant, alpha);
                double expected = (1 - Math.pow(alpha, gamma + 1)) / (1 - alpha);
                assertThat(BlockEfficiency.tau(constant, gamma)).isCloseTo(expected, Cases.within(1e-3));
            }
        }
    }

    @Test
    void agreementsAreGreedyDecoding() {
        assertThat(BlockEfficiency.tau(new double[] {1, 1, 1, 1, 1, 1, 1, 1}, 3))
                .isEqualTo(4);
        assertThat(BlockEfficiency.tau(new double[] {0, 0, 0, 0}, 3)).isEqualTo(1);
        // |1 1 0| |1 0| |0| |1 (bonus)|, γ = 3
        assertThat(BlockEfficiency.rounds(new double[] {1, 1, 0, 1, 0, 0, 1}, 3))
                .isEqualTo(4);
        // A block ends at γ + 1 = 3: |1 1 1| |1 1 0| |1|
        assertThat(BlockEfficiency.rounds(new double[] {1, 1, 1, 1, 1, 0, 1}, 2))
                .isEqualTo(3);
    }

    @Test
    void severalAnswersShareTheirRounds() {
        double[] good = {1, 1, 1, 1}, bad = {0, 0, 0, 0};
        assertThat(BlockEfficiency.tau(List.of(good, bad), 3)).isEqualTo(8.0 / 5);
        assertThat(BlockEfficiency.tau(List.of(), 3)).isNaN();
    }
}
