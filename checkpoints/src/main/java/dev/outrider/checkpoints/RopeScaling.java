package dev.outrider.checkpoints;

import java.util.List;

/** How rotary frequencies are stretched for longer contexts ({@code rope_scaling} of config.json). */
public sealed interface RopeScaling {
    /** Unscaled. */
    record None() implements RopeScaling {}

    /** Every frequency divided by factor. */
    record Linear(double factor) implements RopeScaling {}

    /** LLaMA 3.1: long wavelengths divided by factor, short ones kept, those between interpolated. */
    record Llama3(double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositions)
            implements RopeScaling {
        // Wavelengths above original/low are divided by factor, below original/high kept, between blended.
        private double at(double wavelength) {
            if (wavelength > originalMaxPositions / lowFreqFactor) return factor;
            if (wavelength < originalMaxPositions / highFreqFactor) return 1;
            double smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
            return 1 / ((1 - smooth) / factor + smooth);
        }
    }

    /** Every frequency divided by one of its own, D/2 of them ({@code rope_freqs.weight} of GGUF). */
    record Divisors(List<Double> values) implements RopeScaling {
        public Divisors {
            values = List.copyOf(values);
        }
    }

    /** What each of so many frequencies theta^(-i/pairs) is divided by. */
    default double[] divisors(int pairs, double theta) {
        double[] divisors = new double[pairs];
        for (int i = 0; i < pairs; i++) divisors[i] = divisor(i, Math.pow(theta, -(double) i / pairs));
        return divisors;
    }

    private double divisor(int pair, double frequency) {
        return switch (this) {
            case None n -> 1;
            case Linear l -> l.factor;
            case Llama3 l -> l.at(2 * Math.PI / frequency);
            case Divisors d -> d.values.get(pair);
        };
    }
}
