package dev.outrider.trainer.clip;

import dev.outrider.trainer.optim.Schedule;

/**
 * How to train a CLIP, apart from its shape and its pairs.
 *
 * @param steps optimiser steps in all
 * @param batch pairs of a step, each told from all others; also among how many retrieval is measured
 * @param decay decoupled weight decay, on matrices only
 * @param clip global gradient norm above which gradients are scaled down; 0 for none
 * @param seed of the order of pairs
 * @param validateEvery steps between validations; 0 validates at the end alone
 * @param spike spreads above the usual loss at which training stops as diverged; 0: only NaN does
 */
public record ClipOptions(
        long steps,
        int batch,
        Schedule schedule,
        double beta1,
        double beta2,
        double epsilon,
        double decay,
        double clip,
        long seed,
        long validateEvery,
        double spike) {
    public ClipOptions {
        if (steps < 1 || batch < 2) throw new IllegalArgumentException(steps + " steps of " + batch + " pairs");
    }

    /** CLIP's moments (0.9, 0.98, 1e-6) and decay 0.2, clipping at 1, half a cosine after 5 % of warm-up. */
    public static ClipOptions of(long steps, int batch, double rate, long seed) {
        Schedule schedule = Schedule.cosine(rate, steps / 20, steps);
        return new ClipOptions(steps, batch, schedule, 0.9, 0.98, 1e-6, 0.2, 1, seed, 0, 0);
    }
}
