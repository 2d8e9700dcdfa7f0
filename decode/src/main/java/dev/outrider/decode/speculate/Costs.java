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

    private static final int CONTEXT = 16, TIMES = 9;

    public Costs {
        passes = passes.clone();
        if (passes.length == 0 || Arrays.stream(passes).anyMatch(cost -> !(cost > 0))) {
            throw Failure.usage(
                    "costs of passes", Arrays.toString(passes), "numbers above 0, from one row on", "Measure them.");
        }
    }

    /**
     * Measures a target, whose cache is emptied: the median of several passes of each size.
     *
     * @param rows the longest pass, γ + 1
     */
    public static Costs measure(CausalModel target, int rows) {
        int[] tokens = new int[CONTEXT + rows];
        double[] nanos = new double[rows];
        for (int warm = 0; warm < 2; warm++) {
            for (int n = 1; n <= rows; n++) nanos[n - 1] = median(target, tokens, n);
        }
        target.truncate(0);
        double one = nanos[0];
        return new Costs(Arrays.stream(nanos).map(cost -> cost / one).toArray());
    }

    private static double median(CausalModel target, int[] tokens, int rows) {
        target.truncate(0);
        target.read(tokens, 0, CONTEXT, 1);
        double[] nanos = new double[TIMES];
        for (int i = 0; i < TIMES; i++) {
            long begun = System.nanoTime();
            target.read(tokens, CONTEXT, rows, rows);
            nanos[i] = System.nanoTime() - begun;
            target.truncate(CONTEXT);
        }
        Arrays.sort(nanos);
        return nanos[TIMES / 2];
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
