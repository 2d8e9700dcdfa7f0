package dev.outrider.data.image;

import java.util.Locale;

/** What became of an image file that rows name. */
public enum PictureFate {
    KEPT,
    /** In none of the folders. */
    MISSING,
    /** No picture of a known format, or a damaged one. */
    BROKEN,
    /** More bytes or pixels than allowed. */
    TOO_LARGE;

    /** The name in manifests and lists. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    static PictureFate of(LoadedImage image) {
        return switch (image) {
            case LoadedImage.Decoded _ -> KEPT;
            case LoadedImage.Missing _ -> MISSING;
            case LoadedImage.Broken _ -> BROKEN;
            case LoadedImage.TooLarge _ -> TOO_LARGE;
        };
    }
}
