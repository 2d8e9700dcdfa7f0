package dev.outrider.checkpoints;

import java.util.Locale;

/**
 * What becomes of a picture that is no square before it is resized: LLaVA's image_aspect_ratio, which stands in
 * the model's config.json. transformers' port of LLaVA-1.5 has no such key and crops.
 */
public enum ImageAspect {
    /** Resized by its shortest edge; the crop cuts off what is beyond. */
    SQUARE,
    /** Padded to a square with the mean colour: everything is seen. */
    PAD;

    private static final String KEY = "image_aspect_ratio";

    /** As configurations name it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * image_aspect_ratio of a model's configuration.
     *
     * @return SQUARE where the key is absent
     * @throws Failure DATA naming file and key
     */
    static ImageAspect read(Keys keys) {
        return switch (keys.text(KEY).orElse("square")) {
            case "square" -> SQUARE;
            case "pad" -> PAD;
            default -> throw keys.wrong(KEY, "square or pad", "Models that cut a picture into tiles cannot be run.");
        };
    }
}
