package dev.outrider.decode.speculate;

import dev.outrider.decode.device.cpu.Exponentials;
import java.util.Arrays;

/**
 * What top-p leaves of weights: tokens go from the least likely up as long as the removed mass stays
 * <= 1 - topP; seen from the top, a token stays while the mass before it is below topP. Among equals the lowest
 * ids stay. Made once for V tokens, refilled without allocation.
 */
final class Nucleus {
    /** Of the candidates in the order of ids; the first {@link #count} count. */
    final int[] ids;

    /** Weights of the candidates, 0 for those that go after all. */
    final double[] kept;

    private final double[] selected;
    private int count;
    private double sum;

    Nucleus(int vocabulary) {
        ids = new int[vocabulary];
        kept = new double[vocabulary];
        selected = new double[vocabulary];
    }

    int count() {
        return count;
    }

    /** Of what stays. */
    double sum() {
        return sum;
    }

    /** Fills this from weights [V] of this total. Tokens below their even share of what goes go all together. */
    Nucleus of(double[] weights, double total, double topP) {
        double bound = topP * total;
        count = Exponentials.atLeast(weights, (1 - topP) * total / weights.length, ids, kept);
        System.arraycopy(kept, 0, selected, 0, count);
        cut(Selection.reaching(selected, count, bound), bound);
        return this;
    }

    // Sets to 0 what is below the threshold, and of those equal to it what the bound does not need.
    private void cut(double threshold, double bound) {
        double mass = 0;
        sum = 0;
        for (int i = 0; i < count; i++) mass += kept[i] > threshold ? kept[i] : 0;
        for (int i = 0; i < count; i++) {
            if (kept[i] < threshold || kept[i] == threshold && mass >= bound) kept[i] = 0;
            else if (kept[i] == threshold) mass += kept[i];
            sum += kept[i];
        }
    }

    /** Writes what stays over weights [V], and 0 elsewhere. */
    void replace(double[] weights) {
        Arrays.fill(weights, 0);
        for (int i = 0; i < count; i++) weights[ids[i]] = kept[i];
    }
}
