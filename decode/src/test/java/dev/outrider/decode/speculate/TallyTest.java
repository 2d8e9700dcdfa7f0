package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.decode.speculate.Generation.Finish;
import dev.outrider.decode.speculate.Generation.Pass;
import dev.outrider.decode.speculate.Generation.Times;
import java.util.List;
import org.junit.jupiter.api.Test;

class TallyTest {
    private static final double EXACT = 1e-12;

    /** Times in nanoseconds: prefill 1 s, draft 1 s, verify 4 s, of 7 s. */
    private static Generation generation(Pass... passes) {
        int tokens = 1;
        for (Pass pass : passes) tokens += pass.accepted() + (pass.cut() ? 0 : 1);
        Times times = new Times(1_000_000_000L, 1_000_000_000L, 4_000_000_000L, 7_000_000_000L);
        return new Generation(new int[tokens], new boolean[tokens], Finish.LENGTH, "", List.of(passes), times);
    }

    private static Pass pass(int drafted, int accepted) {
        return new Pass(drafted, accepted, false);
    }

    private static Tally tally() {
        Tally tally = new Tally();
        tally.add(generation(pass(3, 3), pass(3, 0), pass(3, 1), pass(1, 1))); // 1 + 4 + 1 + 2 + 2 = 10 tokens
        tally.add(generation(pass(3, 2), new Pass(3, 1, true))); // 1 + 3 + 1 = 5 tokens
        return tally;
    }

    @Test
    void countsTokensAndPasses() {
        Tally tally = tally();
        assertThat(tally.generations()).isEqualTo(2);
        assertThat(tally.tokens()).isEqualTo(15);
        assertThat(tally.passes()).isEqualTo(6);
        assertThat(tally.drafted()).isEqualTo(16);
        assertThat(tally.accepted()).isEqualTo(8);
    }

    /** Plain passes of 1 s; here 2 s of drafting and 8 s of verifying in 6 passes, 13 tokens. */
    @Test
    void whatIsPredictedFollowsFromMeasuredTimes() {
        Tally alone = new Tally();
        alone.add(generation(pass(0, 0), pass(0, 0), pass(0, 0), pass(0, 0)));
        assertThat(tally().predictedSpeedup(alone)).isEqualTo(13.0 / 6 * 1 / (10.0 / 6), within(EXACT));
    }

    @Test
    void blockEfficiencyLeavesThePromptOut() {
        assertThat(tally().blockEfficiency()).isEqualTo(13.0 / 6, within(EXACT));
        assertThat(tally().blockEfficiencyWithPrefill()).isEqualTo(15.0 / 8, within(EXACT));
        assertThat(tally().memoryBoundSpeedup(0.1, 3)).isEqualTo(13.0 / 6 / 1.3, within(EXACT));
        assertThat(Tally.memoryBoundSpeedup(2.6, 0.1, 3)).isEqualTo(2, within(EXACT));
    }

    @Test
    void acceptanceByPosition() {
        Acceptance acceptance = tally().acceptance();
        assertThat(acceptance.positions()).isEqualTo(3);
        // position 1: drafted by all 6 passes, accepted by 5
        assertThat(acceptance.joint(1)).isEqualTo(5.0 / 6, within(EXACT));
        assertThat(acceptance.conditional(1)).isEqualTo(5.0 / 6, within(EXACT));
        // position 2: drafted by 5, one of them behind the text's end; accepted by 2; 3 passes came to it
        assertThat(acceptance.joint(2)).isEqualTo(2.0 / 4, within(EXACT));
        assertThat(acceptance.conditional(2)).isEqualTo(2.0 / 3, within(EXACT));
        assertThat(acceptance.joint(3)).isEqualTo(1.0 / 4, within(EXACT));
        assertThat(acceptance.conditional(3)).isEqualTo(1.0 / 2, within(EXACT));
    }

    @Test
    void ratesLeaveThePromptOut() {
        assertThat(tally().tokenRate()).isEqualTo(13 / 12.0, within(EXACT));
        assertThat(tally().costRatio()).isEqualTo((2.0 / 16) / (8.0 / 6), within(EXACT));
        assertThat(tally().prefillSeconds()).isEqualTo(2, within(EXACT));
    }

    @Test
    void intervalHoldsTheEstimateAndIsRepeatable() {
        Tally tally = new Tally();
        for (int i = 0; i < 50; i++) tally.add(generation(pass(3, i % 4), pass(3, i % 3)));
        var interval = tally.interval(1);
        assertThat(tally.blockEfficiency()).isBetween(interval.low(), interval.high());
        assertThat(tally.interval(1)).isEqualTo(interval);
        // standard error of the mean of 50 values by the textbook; the bootstrap's width is near 2 · 1.96 of it
        double width = 2 * 1.96 * standardError();
        assertThat(interval.high() - interval.low()).isBetween(0.8 * width, 1.2 * width);
    }

    /** Of (i % 4 + i % 3 + 2) / 2, the tokens per pass of generation i. */
    private static double standardError() {
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < 50; i++) {
            double value = (i % 4 + i % 3 + 2) / 2.0;
            sum += value;
            squares += value * value;
        }
        return Math.sqrt((squares / 50 - sum * sum / 2500) / 50);
    }

    @Test
    void oneGenerationHasNoSpread() {
        Tally tally = new Tally();
        tally.add(generation(pass(2, 1), pass(2, 2)));
        assertThat(tally.interval(3)).isEqualTo(new Tally.Interval(2.5, 2.5));
    }

    @Test
    void nothingCountedIsNotANumber() {
        Tally tally = new Tally();
        assertThat(tally.blockEfficiency()).isNaN();
        assertThat(tally.interval(1).low()).isNaN();
        tally.add(generation());
        assertThat(tally.blockEfficiency()).isNaN();
        assertThat(tally.acceptance().positions()).isZero();
    }
}
