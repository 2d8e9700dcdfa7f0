package dev.outrider.data.image;

import java.util.Locale;

/** What a store of pictures holds of each. */
public enum PictureKind {
    /** uint8 [3, S, S], after padding, resize and crop: the numbers that a tower reads follow from them exactly. */
    LEVELS,
    /** float16 [P + 1, C], what one tower makes of it, the class token first: rounded to nearest, within 2^-11 of its size. */
    FEATURES;

    /** The name in manifests. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
