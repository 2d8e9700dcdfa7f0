package dev.outrider.trainer;

import dev.outrider.trainer.optim.Schedule;

/**
 * How to train, apart from what and on which data.
 *
 * @param steps optimiser steps in all
 * @param batch sequences per optimiser step
 * @param microBatch most sequences of a forward and backward pass ({@link Batch#passes}); changes how sums are rounded,
 *     and which tokens TVD++ draws, and nothing else
 * @param clip global gradient norm above which gradients are scaled down
 * @param decay decoupled weight decay, on matrices only
 * @param validateEvery steps between validations; 0 validates at the end alone
 * @param saveEvery steps between checkpoints; 0 saves at the end alone
 * @param keep checkpoints kept; older ones are deleted
 * @param dropout share that is dropped of the embedding's rows and of what every block adds to them; 0: none
 * @param spike spreads above the usual loss at which training stops as diverged; 0: only NaN does
 */
public record TrainerOptions(
        long steps,
        int batch,
        int microBatch,
        Schedule schedule,
        double beta1,
        double beta2,
        double epsilon,
        double decay,
        double clip,
        double dropout,
        long seed,
        long validateEvery,
        long saveEvery,
        int keep,
        double spike) {}
