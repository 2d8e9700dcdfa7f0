package dev.outrider.checkpoints;

/** How rotary frequencies are stretched for longer contexts ({@code rope_scaling} of config.json). */
public sealed interface RopeScaling {
    /** Unscaled. */
    record None() implements RopeScaling {}

    /** Every frequency divided by factor. */
    record Linear(double factor) implements RopeScaling {}

    /** LLaMA 3.1: long wavelengths divided by factor, short ones kept, those between interpolated. */
    record Llama3(double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositions)
            implements RopeScaling {}
}
