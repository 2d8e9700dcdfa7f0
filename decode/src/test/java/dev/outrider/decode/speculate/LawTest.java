package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LawTest {
    private static final int[] SIZES = {1, 2, 3, 7, 64, 500};

    @Test
    void agreesWithFullSortsOnRandomLogits() {
        Seeds.run(300, random -> {
            int vocabulary = SIZES[random.nextInt(SIZES.length)];
            float[] logits = Seeds.normal(random, vocabulary, random.nextDouble(0.1, 6));
            agrees(logits, random);
        });
    }

    @Test
    void agreesWithFullSortsOnTies() {
        Seeds.run(300, random -> {
            int vocabulary = SIZES[random.nextInt(SIZES.length)];
            float[] logits = Seeds.normal(random, vocabulary, 2);
            for (int i = 0; i < vocabulary; i++) logits[i] = Math.round(logits[i]);
            agrees(logits, random);
        });
    }

    private static void agrees(float[] logits, RandomGenerator random) {
        Sampling sampling = sampling(random, logits.length);
        int[] context = random.ints(5, 0, logits.length).toArray();
        History history = new History(logits.length);
        history.push(context);
        Law law = new Law(logits.length).from(logits, sampling, history);
        double[] expected = ReferenceLaw.of(logits, sampling, context);
        for (int i = 0; i < expected.length; i++) {
            assertThat(law.probability(i)).as("%s, id %d", sampling, i).isEqualTo(expected[i], within(1e-12));
            assertThat(law.probability(i) > 0).as("%s, id %d kept", sampling, i).isEqualTo(expected[i] > 0);
        }
    }

    /** Every filter on or off; shares that no sum of few equal weights hits exactly. */
    private static Sampling sampling(RandomGenerator random, int vocabulary) {
        return new Sampling(
                random.nextBoolean() ? 1 : random.nextDouble(0.2, 2),
                random.nextBoolean() ? 0 : random.nextInt(1, vocabulary + 2),
                random.nextBoolean() ? 1 : random.nextDouble(0.01, 0.999),
                random.nextBoolean() ? 0 : random.nextDouble(0, 0.5),
                random.nextBoolean() ? 1 : random.nextDouble(0.5, 2));
    }

    @Test
    void isRefilledWithoutTraces() {
        Seeds.run(20, random -> {
            Law used = new Law(50).from(Seeds.normal(random, 50, 5), sampling(random, 50));
            float[] logits = Seeds.normal(random, 50, 2);
            Sampling sampling = sampling(random, 50);
            assertThat(all(used.from(logits, sampling))).isEqualTo(all(new Law(50).from(logits, sampling)));
        });
    }

    @Test
    void residualIsWhatTheDraftLacks() {
        Seeds.run(50, random -> {
            Law p = new Law(20).from(Seeds.normal(random, 20, 2), sampling(random, 20));
            Law q = new Law(20).from(Seeds.normal(random, 20, 2), sampling(random, 20));
            double[] lacking = new double[20];
            for (int i = 0; i < 20; i++) lacking[i] = Math.max(0, p.probability(i) - q.probability(i));
            double sum = Arrays.stream(lacking).sum();
            assertThat(sum).isPositive();
            Law residual = new Law(20).residual(p, q);
            for (int i = 0; i < 20; i++) {
                assertThat(residual.probability(i)).isEqualTo(lacking[i] / sum, within(1e-12));
            }
        });
    }

    @Test
    void residualOfEqualLawsFallsBackToTheTarget() {
        Law p = new Law(3).from(new float[] {1, 2, 0.5f}, Sampling.temperature(0.7));
        assertThat(all(new Law(3).residual(p, p))).isEqualTo(all(p));
    }

    @Test
    void pointIsCertain() {
        Law law = new Law(4).from(new float[] {1, 2, 3, 4}, Sampling.temperature(1));
        assertThat(all(law.point(2))).containsExactly(0, 0, 1, 0);
    }

    @Test
    void drawsEveryIdAsOftenAsItsProbabilitySays() {
        Seeds.run(5, random -> {
            Law law = new Law(30).from(Seeds.normal(random, 30, 1), new Sampling(1, 20, 0.9, 0, 1));
            long[] drawn = new long[30];
            for (int i = 0; i < 20_000; i++) drawn[law.draw(random)]++;
            ChiSquare.assertFollows(drawn, all(law));
        });
    }

    /** Rounding may leave the sum of probabilities below the number drawn. */
    @Test
    void neverDrawsARemovedId() {
        RandomGenerator largest = () -> -1L;
        assertThat(largest.nextDouble()).isGreaterThan(0.9999999);
        for (int kept = 1; kept < 300; kept++) {
            float[] logits = new float[kept + 2];
            Arrays.fill(logits, 0, kept, 9);
            Law law = new Law(kept + 2).from(logits, new Sampling(1, kept, 1, 0, 1));
            assertThat(law.draw(largest)).isEqualTo(kept - 1);
        }
        RandomGenerator smallest = () -> 0L;
        assertThat(new Law(3).point(1).draw(smallest)).isEqualTo(1);
    }

    @Test
    void removesMinusInfinity() {
        float[] logits = {Float.NEGATIVE_INFINITY, 0, 0};
        assertThat(all(new Law(3).from(logits, Sampling.temperature(2)))).containsExactly(0, 0.5, 0.5);
    }

    @Test
    void refusesLogitsThatAreNotNumbers() {
        float[] logits = {0, Float.NaN, 1};
        Law law = new Law(3);
        assertThatThrownBy(() -> law.from(logits, Sampling.temperature(1)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> Greedy.argmax(logits)).isInstanceOf(Failure.class);
    }

    @Test
    void greedyTakesTheLowestIdAmongEquals() {
        assertThat(Greedy.argmax(new float[] {-3, -1, -2, -1})).isEqualTo(1);
    }

    @Test
    void historyPenalisesEachIdOnceAndForgets() {
        History history = new History(4);
        history.push(new int[] {1, 2, 1});
        history.push(3);
        history.pop(3);
        double[] logits = {1, 1, -1, 1};
        history.penalise(logits, 2);
        assertThat(logits).containsExactly(1, 0.5, -2, 1);
        history.clear();
        history.penalise(logits, 2);
        assertThat(logits).containsExactly(1, 0.5, -2, 1);
    }

    static double[] all(Law law) {
        return IntStream.range(0, law.vocabulary())
                .mapToDouble(law::probability)
                .toArray();
    }
}
