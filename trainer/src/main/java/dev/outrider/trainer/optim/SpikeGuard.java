package dev.outrider.trainer.optim;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Tells when training has gone wrong: a loss or gradient norm that is not a number, or a loss far above the
 * usual. The usual is the median of the last {@link #WINDOW} losses, and far is more than {@code factor}
 * times their spread: 1.4826 · the median distance from the median (the standard deviation, if they are
 * normal), but at least {@link #LEAST} of the median, so that a flat curve is not jumpy. One bad batch is
 * no divergence: it takes {@link #PATIENCE} such losses in a row.
 */
public final class SpikeGuard {
    static final int WINDOW = 64;
    static final int PATIENCE = 3;
    private static final int FIRST = 16;
    private static final double LEAST = 0.02;
    private static final double NORMAL = 1.4826;
    private static final double ZERO = 1e-3;

    private final double factor;
    private final double[] losses = new double[WINDOW];
    private final double[] sorted = new double[WINDOW];
    private int seen;
    private int high;

    /** @param factor spreads above the median at which a loss counts as a spike, 10 or so; 0 looks for NaN alone */
    public SpikeGuard(double factor) {
        if (!(factor >= 0)) throw new IllegalArgumentException("factor " + factor);
        this.factor = factor;
    }

    /**
     * Takes what a step measured, before its update.
     *
     * @param norm of the gradient, before clipping
     * @return what went wrong, since when, likely causes and what to try; empty while all is well
     */
    public Optional<String> check(long step, double loss, double norm) {
        if (!Double.isFinite(loss)) return Optional.of(broken("loss", loss, step));
        if (!Double.isFinite(norm)) return Optional.of(broken("gradient norm", norm, step));
        if (!spike(loss)) {
            high = 0;
            losses[seen++ % WINDOW] = loss;
            return Optional.empty();
        }
        return ++high < PATIENCE ? Optional.empty() : Optional.of(risen(step, loss, norm));
    }

    /** Forgets the losses seen: from here on they mean something else. */
    public void restart() {
        seen = 0;
        high = 0;
    }

    private boolean spike(double loss) {
        return factor > 0 && seen >= FIRST && loss > median() + factor * spread();
    }

    private int window() {
        return Math.min(seen, WINDOW);
    }

    private double median() {
        System.arraycopy(losses, 0, sorted, 0, window());
        return middle();
    }

    private double spread() {
        double median = median();
        for (int i = 0; i < window(); i++) sorted[i] = Math.abs(losses[i] - median);
        return Math.max(NORMAL * middle(), LEAST * (Math.abs(median) + ZERO));
    }

    private double middle() {
        int n = window();
        Arrays.sort(sorted, 0, n);
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }

    private static String broken(String what, double value, long step) {
        return String.format(
                Locale.ROOT,
                "Training diverged at step %d: the %s is %s. Likely causes: a learning rate that is too high, too short"
                        + " a warm-up, or weights or a teacher that already hold such values. Try half the learning"
                        + " rate or a longer warm-up, and check the checkpoint that training started from.",
                step,
                what,
                value);
    }

    private String risen(long step, double loss, double norm) {
        return String.format(
                Locale.ROOT,
                "Training diverged at step %d: the loss is %.4g, was above %.4g in the last %d steps and usually is"
                        + " %.4g (gradient norm %.3g). Likely causes: a learning rate that is too high, clipping that is"
                        + " too loose, or data unlike the rest. Try half the learning rate, a smaller clip, or look at"
                        + " the rows of these steps.",
                step,
                loss,
                median() + factor * spread(),
                PATIENCE,
                median(),
                norm);
    }
}
