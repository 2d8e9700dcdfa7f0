package dev.outrider.decode.speculate;

/**
 * Thresholds of top-k and top-p without sorting: quickselect (Hoare, 1961) with three-way partitions, in
 * expected linear time. Both reorder the values that they are given.
 */
final class Selection {
    private Selection() {}

    /** The k-th largest of the first n values; 1 <= k <= n. */
    static double kthLargest(double[] values, int n, int k) {
        int low = 0;
        int high = n;
        int rank = k - 1;
        while (high - low > 1) {
            double pivot = pivot(values, low, high);
            int larger = gatherLarger(values, low, high, pivot);
            int equal = gatherEqual(values, larger, high, pivot);
            if (rank < larger) high = larger;
            else if (rank < equal) return pivot;
            else low = equal;
        }
        return values[low];
    }

    /**
     * The largest value t among the first n such that all values >= t together reach {@code mass}; the
     * smallest value if rounding leaves the whole below it. Values are positive, n >= 1.
     */
    static double reaching(double[] values, int n, double mass) {
        int low = 0;
        int high = n;
        double above = 0;
        while (high - low > 1) {
            double pivot = pivot(values, low, high);
            int larger = gatherLarger(values, low, high, pivot);
            int equal = gatherEqual(values, larger, high, pivot);
            double withLarger = above + sum(values, low, larger);
            if (withLarger >= mass) {
                high = larger;
            } else {
                double withEqual = withLarger + pivot * (equal - larger);
                if (withEqual >= mass || equal == high) return pivot;
                above = withEqual;
                low = equal;
            }
        }
        return values[low];
    }

    private static double pivot(double[] values, int low, int high) {
        double a = values[low];
        double b = values[(low + high) >>> 1];
        double c = values[high - 1];
        return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    }

    /** Moves values > pivot to the front of low..high, without a branch to guess; the index behind them. */
    private static int gatherLarger(double[] values, int low, int high, double pivot) {
        int end = low;
        for (int i = low; i < high; i++) {
            boolean larger = values[i] > pivot;
            swap(values, i, end);
            end += larger ? 1 : 0;
        }
        return end;
    }

    private static int gatherEqual(double[] values, int low, int high, double pivot) {
        int end = low;
        for (int i = low; i < high; i++) if (values[i] == pivot) swap(values, i, end++);
        return end;
    }

    private static void swap(double[] values, int i, int j) {
        double value = values[i];
        values[i] = values[j];
        values[j] = value;
    }

    private static double sum(double[] values, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) sum += values[i];
        return sum;
    }
}
