package dev.outrider.decode.device;

/**
 * What {@link Device#dropout} drops.
 *
 * @param dropped of 65,536
 * @param factor of what is kept
 */
public record DropoutShare(int dropped, float factor) {
    private static final int WHOLE = 1 << 16;

    /** @param share in [0, 1) */
    public static DropoutShare of(double share) {
        if (!(share >= 0 && share < 1)) throw new IllegalArgumentException("dropout " + share + ", not in [0, 1)");
        int dropped = (int) Math.min(WHOLE - 1, Math.round(share * WHOLE));
        return new DropoutShare(dropped, (float) ((double) WHOLE / (WHOLE - dropped)));
    }
}
