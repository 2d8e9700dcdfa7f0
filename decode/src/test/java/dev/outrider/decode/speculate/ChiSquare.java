package dev.outrider.decode.speculate;

/** Pearson's χ² test of observed counts against a law. */
final class ChiSquare {
    /** Normal quantile of 1 - 1e-6: a right law fails one time in a million. */
    private static final double Z = 4.7534;

    private ChiSquare() {}

    /** Fails if the counts do not follow the law, or if anything impossible was observed. */
    static void assertFollows(long[] observed, double[] law) {
        long n = 0;
        for (long count : observed) n += count;
        double statistic = 0;
        int cells = 0;
        double rareExpected = 0;
        double rareObserved = 0;
        for (int i = 0; i < law.length; i++) {
            if (law[i] == 0 && observed[i] > 0) throw new AssertionError("impossible outcome " + i + " observed");
            double expected = n * law[i];
            if (expected < 10) { // too rare for the approximation: all rare ones are one cell
                rareExpected += expected;
                rareObserved += observed[i];
            } else {
                statistic += square(observed[i] - expected) / expected;
                cells++;
            }
        }
        if (rareExpected >= 10) {
            statistic += square(rareObserved - rareExpected) / rareExpected;
            cells++;
        }
        double bound = quantile(Math.max(1, cells - 1));
        if (statistic > bound) {
            throw new AssertionError("χ² = " + statistic + " with " + cells + " cells, bound " + bound);
        }
    }

    /** Wilson and Hilferty's approximation of the quantile with so many degrees of freedom. */
    static double quantile(int degrees) {
        double a = 2.0 / (9 * degrees);
        return degrees * Math.pow(1 - a + Z * Math.sqrt(a), 3);
    }

    private static double square(double x) {
        return x * x;
    }
}
