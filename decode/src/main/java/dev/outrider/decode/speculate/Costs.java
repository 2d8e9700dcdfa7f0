package dev.outrider.decode.speculate;

import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.model.CausalModel;
import java.util.Arrays;

/**
 * What passes of the target cost, in passes that read one token.
 *
 * @param passes by rows of a pass, from 1 on; what more rows cost goes on as the last two do
 */
public record Costs(double... passes) {
    /** A target that reads any number of rows in the time of one. */
    public static final Costs FLAT = new Costs(1);

    private static final int CONTEXT = 128, TIMES = 12;
    /** Before that the compiler is still at work on the kernels. */
    private static final long WARM_NANOS = 1_000_000_000;

    public Costs {
        passes = passes.clone();
        if (passes.length == 0 || Arrays.stream(passes).anyMatch(cost -> !(cost > 0))) {
            throw Failure.usage(
                    "costs of passes", Arrays.toString(passes), "numbers above 0, from one row on", "Measure them.");
        }
    }

    /**
     * Measures a target with up to {@value #CONTEXT} tokens in its cache, which is emptied: the fastest of several
     * passes of each size, sizes by turns, so that what else the machine does weighs little.
     *
     * @param rows the longest pass, γ + 1
     */
    public static Costs measure(CausalModel target, int rows) {
        int context = Math.min(CONTEXT, target.capacity() - rows);
        int[] tokens = new int[context + rows];
        target.truncate(0);
        target.read(tokens, 0, context, 1);
        double[] least = new double[rows];
        for (long end = System.nanoTime() + WARM_NANOS; System.nanoTime() < end; ) measure(target, tokens, least);
        Arrays.fill(least, Double.MAX_VALUE);
        for (int time = 0; time < TIMES; time++) measure(target, tokens, least);
        target.truncate(0);
        return new Costs(Arrays.stream(least).map(nanos -> nanos / least[0]).toArray());
    }

    private static void measure(CausalModel target, int[] tokens, double[] least) {
        for (int n = 1; n <= least.length; n++) least[n - 1] = Math.min(least[n - 1], nanos(target, tokens, n));
    }

    private static double nanos(CausalModel target, int[] tokens, int rows) {
        long begun = System.nanoTime();
        int context = target.length();
        target.read(tokens, context, rows, rows);
        double nanos = Math.max(1, System.nanoTime() - begun);
        target.truncate(context);
        return nanos;
    }

    /** Of a pass of so many rows. */
    double pass(int rows) {
        int last = passes.length;
        if (rows <= last) return passes[rows - 1];
        double step = last == 1 ? 0 : passes[last - 1] - passes[last - 2];
        return passes[last - 1] + (rows - last) * step;
    }

    /** Of one row more than these. */
    double row(int rows) {
        return Math.max(0, pass(rows + 1) - pass(rows));
    }
}
