package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.recipes.report.Difference.Counts;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class DifferenceTest {
    // Four deviations of a share of 0.025 among 2,000.
    private static final double SLACK = 0.014;

    private static List<Counts> prompts(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Counts> out = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long blind = random.nextInt(5, 30), seeing = random.nextInt(5, 30);
            out.add(new Counts(random.nextInt(20, 60), blind, random.nextInt(20, 60), seeing));
        }
        return out;
    }

    /** Of all 5^5 resamples the true quantiles; a sample of 2,000 of them comes near. */
    @Test
    void intervalIsThatOfAllResamples() {
        for (long seed = 0; seed < 8; seed++) {
            List<Counts> prompts = prompts(5, seed);
            List<Double> all = new ArrayList<>();
            every(prompts, new ArrayList<>(), all);
            assertThat(all).hasSize(3125);
            Collections.sort(all);
            Difference d = Difference.of(prompts, seed);
            assertThat(below(all, d.low() - 1e-9)).as("seed %d", seed).isLessThan(0.025 + SLACK);
            assertThat(below(all, d.low() + 1e-9)).as("seed %d", seed).isGreaterThan(0.025 - SLACK);
            assertThat(below(all, d.high() - 1e-9)).as("seed %d", seed).isLessThan(0.975 + SLACK);
            assertThat(below(all, d.high() + 1e-9)).as("seed %d", seed).isGreaterThan(0.975 - SLACK);
            assertThat(d.gain()).isCloseTo(gain(prompts), within(1e-12));
        }
    }

    private static void every(List<Counts> prompts, List<Counts> drawn, List<Double> all) {
        if (drawn.size() == prompts.size()) {
            all.add(gain(drawn));
            return;
        }
        for (Counts c : prompts) {
            drawn.add(c);
            every(prompts, drawn, all);
            drawn.removeLast();
        }
    }

    private static double gain(List<Counts> drawn) {
        double a = 0, b = 0, c = 0, d = 0;
        for (Counts one : drawn) {
            a += one.seeingOver();
            b += one.seeingUnder();
            c += one.blindOver();
            d += one.blindUnder();
        }
        return a / b - c / d;
    }

    private static double below(List<Double> values, double value) {
        return values.stream().filter(v -> v < value).count() / (double) values.size();
    }

    /** Prompts are drawn for both at once: what differs from prompt to prompt alike for both does not count. */
    @Test
    void draftsAreCompared() {
        List<Counts> prompts = new ArrayList<>();
        for (int i = 1; i <= 40; i++) prompts.add(new Counts(20L * i, 20, 20L * i + 10, 20));
        Difference d = Difference.of(prompts, 1);
        assertThat(d.gain()).isCloseTo(0.5, within(1e-12));
        assertThat(d.low()).isCloseTo(0.5, within(1e-12));
        assertThat(d.high()).isCloseTo(0.5, within(1e-12));
    }

    @Test
    void seedsDecide() {
        List<Counts> prompts = prompts(30, 4);
        assertThat(Difference.of(prompts, 1)).isEqualTo(Difference.of(prompts, 1));
        assertThat(Difference.of(prompts, 1)).isNotEqualTo(Difference.of(prompts, 2));
    }

    @Test
    void whereNothingWasCounted() {
        assertThat(Difference.of(List.of(), 1).gain()).isNaN();
        Difference none = Difference.of(List.of(new Counts(0, 0, 0, 0)), 1);
        assertThat(DoubleStream.of(none.blind(), none.low(), none.high())).allMatch(v -> Double.isNaN(v));
        // One of two prompts has no pass: a quarter of the resamples says nothing, the others agree.
        Difference some = Difference.of(List.of(new Counts(0, 0, 0, 0), new Counts(2, 1, 3, 1)), 1);
        assertThat(some.low()).isEqualTo(1);
        assertThat(some.high()).isEqualTo(1);
    }
}
