package dev.outrider.decode.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ExponentialsTest {
    @Test
    void weightsAreExponentials() {
        Seeds.run(100, random -> {
            int n = 1 + random.nextInt(100);
            float[] logits = Seeds.normal(random, n, random.nextDouble(0.1, 200));
            if (random.nextBoolean()) logits[random.nextInt(n)] = Float.NEGATIVE_INFINITY;
            double max = Exponentials.max(logits), factor = random.nextDouble(0.3, 5);
            double[] weights = new double[n], expected = new double[n];
            double sum = Exponentials.weigh(logits, weights, max, factor);
            for (int i = 0; i < n; i++) {
                double x = (logits[i] - max) * factor;
                expected[i] = x < Exponentials.LOWEST ? 0 : Math.exp(x);
                assertThat(weights[i]).isEqualTo(expected[i], within(4e-16 * expected[i]));
                assertThat(weights[i]).isEqualTo(Exponentials.exp(x));
            }
            assertThat(sum).isCloseTo(Arrays.stream(expected).sum(), within(1e-13 * sum));
        });
    }

    @Test
    void entriesAboveABound() {
        Seeds.run(100, random -> {
            int n = random.nextInt(100);
            double[] weights = random.doubles(n).map(x -> x < 0.3 ? 0 : x).toArray();
            float[] values = Seeds.normal(random, n, 1);
            double least = random.nextBoolean() ? 0 : random.nextDouble();
            int[] ids = new int[n];
            double[] found = new double[n];
            int count = Exponentials.atLeast(weights, least, ids, found);
            int[] expected = IntStream.range(0, n)
                    .filter(i -> weights[i] >= least && weights[i] > 0)
                    .toArray();
            assertThat(Arrays.copyOf(ids, count)).isEqualTo(expected);
            for (int j = 0; j < count; j++) assertThat(found[j]).isEqualTo(weights[ids[j]]);
            float bound = (float) random.nextGaussian() + 1;
            int from = n == 0 ? 0 : random.nextInt(n);
            assertThat(Exponentials.above(values, from, bound))
                    .isEqualTo(IntStream.range(from, n)
                            .filter(i -> values[i] > bound)
                            .findFirst()
                            .orElse(n));
        });
    }
}
