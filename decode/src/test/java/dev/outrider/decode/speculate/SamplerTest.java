package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.Comparator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final int[] SIZES = {1, 2, 3, 7, 64, 500, 4001};

    @Test
    void drawsWhatTheLawWouldDraw() {
        Seeds.run(300, random -> {
            int vocabulary = SIZES[random.nextInt(SIZES.length)];
            Sampler sampler = new Sampler(vocabulary);
            Law law = new Law(vocabulary);
            boolean ties = random.nextBoolean();
            for (int i = 0; i < 10; i++) {
                fill(sampler.logits, random, ties);
                Sampling sampling = sampling(random);
                long seed = random.nextLong();
                int expected = law.from(sampler.logits, sampling).draw(Seeds.generator(seed));
                assertThat(sampler.choose(sampling, Seeds.generator(seed), null))
                        .as("%s, %d tokens", sampling, vocabulary)
                        .isEqualTo(expected);
            }
        });
    }

    private static void fill(float[] logits, RandomGenerator random, boolean ties) {
        float[] values = Seeds.normal(random, logits.length, random.nextDouble(0.1, 8));
        for (int i = 0; i < logits.length; i++) logits[i] = ties ? Math.round(values[i]) : values[i];
        if (random.nextBoolean() && logits.length > 2) logits[random.nextInt(logits.length)] = Float.NEGATIVE_INFINITY;
    }

    private static Sampling sampling(RandomGenerator random) {
        return new Sampling(
                random.nextDouble(0.2, 2), 0, random.nextBoolean() ? 1 : random.nextDouble(0.01, 0.999), 0, 1);
    }

    @Test
    void greedyIsTheFirstOfTheLargest() {
        Seeds.run(100, random -> {
            Sampler sampler = new Sampler(SIZES[random.nextInt(SIZES.length)]);
            fill(sampler.logits, random, true);
            assertThat(sampler.choose(Sampling.GREEDY, random, null)).isEqualTo(Greedy.argmax(sampler.logits));
        });
    }

    @Test
    void topIsTheBeginningOfTheSortedLaw() {
        Seeds.run(100, random -> {
            int vocabulary = SIZES[random.nextInt(SIZES.length)], k = 1 + random.nextInt(70);
            Sampler sampler = new Sampler(vocabulary);
            fill(sampler.logits, random, random.nextBoolean());
            float[] z = sampler.logits;
            Integer[] sorted = IntStream.range(0, vocabulary)
                    .boxed()
                    .filter(i -> z[i] > Float.NEGATIVE_INFINITY)
                    .sorted(Comparator.comparing((Integer i) -> -z[i]))
                    .toArray(Integer[]::new);
            int[] ids = new int[k + 2];
            float[] logs = new float[k + 2];
            sampler.top(k, ids, logs, 1);
            double logSum = Math.log(Arrays.stream(sorted)
                            .mapToDouble(i -> Math.exp((double) z[i] - z[sorted[0]]))
                            .sum())
                    + z[sorted[0]];
            for (int j = 0; j < k; j++) {
                assertThat(ids[1 + j]).isEqualTo(j < sorted.length ? sorted[j] : -1);
                if (j >= sorted.length) assertThat(logs[1 + j]).isEqualTo(Float.NEGATIVE_INFINITY);
                else assertThat((double) logs[1 + j]).isCloseTo(z[sorted[j]] - logSum, within(1e-5));
            }
            assertThat(ids[0] + ids[k + 1]).isZero();
        });
    }

    @Test
    void refusesLogitsThatAreNoNumbers() {
        for (Sampling sampling : new Sampling[] {Sampling.GREEDY, Sampling.temperature(1)}) {
            Sampler sampler = new Sampler(100);
            sampler.logits[77] = Float.NaN;
            assertThatThrownBy(() -> sampler.choose(sampling, Seeds.generator(1), null))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("NaN");
        }
    }
}
