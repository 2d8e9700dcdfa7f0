package dev.outrider.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Seeds;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class SpikeGuardTest {
    private final SpikeGuard guard = new SpikeGuard(10);
    private final RandomGenerator random = Seeds.generator(3);

    /** A noisy curve that falls, as training does. */
    private long train(long from, int steps) {
        for (long step = from; step < from + steps; step++) {
            double loss = 2 + 6 * Math.exp(-step / 50.0) + 0.1 * random.nextGaussian();
            assertThat(guard.check(step, loss, 1)).isEmpty();
        }
        return from + steps;
    }

    @Test
    void staysQuietOnAGoodCurve() {
        train(0, 2000);
    }

    @Test
    void notANumberStopsAtOnce() {
        assertThat(guard.check(0, Double.NaN, 1)).get().asString().contains("step 0", "loss is NaN", "learning rate");
        assertThat(guard.check(7, 1, Double.POSITIVE_INFINITY)).get().asString().contains("step 7", "gradient norm");
    }

    @Test
    void badBatchesNowAndThenAreNoDivergence() {
        long step = train(0, 200);
        for (int i = 0; i < 10; i++) {
            assertThat(guard.check(step, 20, 1)).isEmpty();
            step = train(step + 1, 20);
        }
    }

    @Test
    void aLossThatStaysHighStops() {
        long step = train(0, 200);
        Optional<String> last = Optional.empty();
        int steps = 0;
        while (last.isEmpty() && steps < 10) last = guard.check(step + steps++, 20, 42);
        assertThat(steps).isEqualTo(SpikeGuard.PATIENCE);
        assertThat(last).get().asString().contains("step " + (step + steps - 1), "20", "42", "Try");
    }

    @Test
    void aFlatCurveIsNotJumpy() {
        for (int step = 0; step < 100; step++)
            assertThat(guard.check(step, 0.5, 1)).isEmpty();
        for (int step = 100; step < 110; step++)
            assertThat(guard.check(step, 0.55, 1)).isEmpty();
    }

    @Test
    void aLossOfAnotherKindStartsAnew() {
        long step = train(0, 200);
        guard.restart();
        for (int i = 0; i < 100; i++) assertThat(guard.check(step + i, 100, 1)).isEmpty();
    }

    @Test
    void factorZeroLooksForNotANumberAlone() {
        SpikeGuard off = new SpikeGuard(0);
        for (int i = 0; i < 100; i++)
            assertThat(off.check(i, i < 50 ? 1 : 1e9, 1)).isEmpty();
        assertThat(off.check(100, Double.NaN, 1)).isPresent();
    }
}
