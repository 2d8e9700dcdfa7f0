package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImageAspect;
import java.io.Serializable;

/**
 * What the reader of an image decides, not the model's preprocessor_config.json.
 *
 * @param aspect what becomes of a picture that is no square
 * @param upright whether EXIF's orientation is applied: transformers' load_image does, PIL.Image.open and the LLaVA
 *     repository do not
 * @param mostPixels of a picture, of its padded square and of its tensor; a larger one is refused before it is decoded.
 *     Decoding takes 6 bytes a pixel, 9 where a channel has 16 bits
 */
public record ImageOptions(ImageAspect aspect, boolean upright, long mostPixels) implements Serializable {
    /** Pillow's MAX_IMAGE_PIXELS: a quarter of a GiB at 3 bytes a pixel. */
    public static final long PILLOWS_LIMIT = 89_478_485;

    private static final long MOST = 500_000_000;

    public ImageOptions {
        if (mostPixels < 1 || mostPixels > MOST) {
            throw Failure.usage("images, most pixels", "" + mostPixels, "1 to " + MOST, "Choose another limit.");
        }
    }

    public static ImageOptions defaults() {
        return new ImageOptions(ImageAspect.SQUARE, true, PILLOWS_LIMIT);
    }

    public ImageOptions with(ImageAspect aspect) {
        return new ImageOptions(aspect, upright, mostPixels);
    }

    public ImageOptions withUpright(boolean upright) {
        return new ImageOptions(aspect, upright, mostPixels);
    }

    public ImageOptions withMostPixels(long mostPixels) {
        return new ImageOptions(aspect, upright, mostPixels);
    }
}
