package dev.outrider.data.conversation;

import dev.outrider.data.image.PictureFate;
import java.util.Locale;

/** What became of a row. */
enum Fate {
    KEPT,
    /** Of no form, or of another than the file's. */
    BAD_ROW,
    /** The same as another one; one of them goes on. */
    DUPLICATE,
    NEAR_DUPLICATE,
    /** Holds an evaluation prompt. */
    CONTAMINATED,
    /** About an image, or a question, that is kept for evaluation. */
    HELD_OUT,
    /** The chat template does not accept it, or it cannot be told where the assistant's words are. */
    TEMPLATE_REFUSED,
    /** Its text names another number of pictures than it has images. */
    PICTURES_DIFFER,
    /** The store of pictures has not found one of its images. */
    PICTURE_MISSING,
    PICTURE_BROKEN,
    PICTURE_TOO_LARGE,
    /** The assistant says nothing. */
    NO_ANSWER,
    /** The assistant's words lie behind the sequence length. */
    NO_SUPERVISION;

    static Fate of(PictureFate picture) {
        return switch (picture) {
            case KEPT -> KEPT;
            case MISSING -> PICTURE_MISSING;
            case BROKEN -> PICTURE_BROKEN;
            case TOO_LARGE -> PICTURE_TOO_LARGE;
        };
    }

    /** Whether only rows for a target that sees have it. */
    boolean ofPictures() {
        return this == PICTURES_DIFFER
                || this == PICTURE_MISSING
                || this == PICTURE_BROKEN
                || this == PICTURE_TOO_LARGE;
    }

    /** The name in manifests and reports. */
    String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
