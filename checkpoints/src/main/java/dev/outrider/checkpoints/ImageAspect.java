package dev.outrider.checkpoints;

import java.nio.file.Path;

/**
 * What becomes of a picture that is no square before it is resized: LLaVA's image_aspect_ratio, which stands in
 * the model's config.json. transformers' port of LLaVA-1.5 has no such key and crops.
 */
public enum ImageAspect {
    /** Resized by its shortest edge; the crop cuts off what is beyond. */
    SQUARE,
    /** Padded to a square with the mean colour: everything is seen. */
    PAD;

    /**
     * image_aspect_ratio of a model's config.json.
     *
     * @return SQUARE where the key is absent
     * @throws Failure DATA naming file and key
     */
    public static ImageAspect read(Path folder) {
        Keys keys = Json.read(folder.resolve(HuggingFaceConfig.FILE));
        return switch (keys.text("image_aspect_ratio").orElse("square")) {
            case "square" -> SQUARE;
            case "pad" -> PAD;
            default ->
                throw keys.wrong(
                        "image_aspect_ratio", "square or pad", "Models that cut a picture into tiles cannot be run.");
        };
    }
}
