package dev.outrider.checkpoints;

import java.util.Optional;

/** Pillow's resampling filters as `resample` of preprocessor_config.json numbers them; others are not supported. */
public enum Resampling {
    BILINEAR(2),
    BICUBIC(3);

    /** Pillow's number of the filter. */
    public final int number;

    Resampling(int number) {
        this.number = number;
    }

    static Optional<Resampling> of(int number) {
        for (Resampling one : values()) if (one.number == number) return Optional.of(one);
        return Optional.empty();
    }
}
