package dev.outrider.data.image;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Vision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * From an image file to the pixels that a tower reads: decoded to RGB, turned upright, padded, resized, cropped,
 * rescaled, normalised, each as the settings say. JPEG, PNG, WebP, GIF (first frame) and BMP. Sizes are read from the
 * header first, so that what is too large costs nothing.
 *
 * <p>The values are those of transformers' CLIPImageProcessor (the slow one) on {@code PIL.Image}. Has no state: one
 * loader serves any number of threads.
 */
public final class ImageLoader {
    // The decoder's own limit of an edge.
    private static final int LONGEST_EDGE = 1 << 20;
    private static final long LARGEST_FILE = 512L << 20;
    private static final String LEAVE_OUT = "Make the image smaller, raise the limit, or leave it out.";

    private final ImagePreprocessing settings;
    private final ImageOptions options;
    private final Levels levels;

    /** As a model's tower was trained to read pictures, and the model to have them. */
    public static ImageLoader of(Vision vision) {
        return of(vision, ImageOptions.defaults());
    }

    /** The same with other limits; what becomes of pictures that are no squares is the model's to say. */
    public static ImageLoader of(Vision vision, ImageOptions options) {
        ImagePreprocessing settings = ImagePreprocessing.read(vision.tower().path());
        return new ImageLoader(settings, options.with(vision.config().aspect()));
    }

    public ImageLoader(ImagePreprocessing settings, ImageOptions options) {
        this.settings = settings;
        this.options = options;
        levels = new Levels(settings);
    }

    /**
     * The pixels of a file.
     *
     * @throws Failure DATA where it is absent, broken or too large; as {@link DiskFailures#reading} where it cannot be
     *     read
     */
    public Pixels load(Path file) {
        return attempt(file).pixels();
    }

    /**
     * What becomes of a file.
     *
     * @throws Failure as {@link DiskFailures#reading} where it is there, but cannot be read
     */
    public LoadedImage attempt(Path file) {
        return attempt(file, _ -> {});
    }

    /** As {@link #attempt(Path)}; a decoded picture's levels after resize and crop are handed over too. */
    LoadedImage attempt(Path file, Consumer<Raster> shaped) {
        try {
            long size = Files.size(file);
            if (size > LARGEST_FILE) return tooLarge(file.toString(), size + " bytes", LARGEST_FILE + " bytes");
            return attempt(file.toString(), Files.readAllBytes(file), shaped);
        } catch (NoSuchFileException e) {
            return new LoadedImage.Missing(DiskFailures.reading(file, e));
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    /**
     * What becomes of the bytes of a file; the place stands in messages.
     *
     * @throws Failure MACHINE where the decoder cannot be loaded
     */
    public LoadedImage attempt(String place, byte[] file) {
        return attempt(place, file, _ -> {});
    }

    private LoadedImage attempt(String place, byte[] file, Consumer<Raster> shaped) {
        try {
            ImageSource source = ImageSource.read(new ImageBytes(place, file));
            LoadedImage refused = refused(place, source);
            if (refused != null) return refused;
            Raster levels = shaped(decoded(place, source));
            shaped.accept(levels);
            return new LoadedImage.Decoded(pixels(levels));
        } catch (Failure e) {
            if (e.kind() != Failure.Kind.DATA) throw e;
            return new LoadedImage.Broken(e);
        }
    }

    /** Null where sizes are within the limits. */
    private LoadedImage refused(String place, ImageSource source) {
        int width = source.width(), height = source.height(), edge = Math.max(width, height);
        if (edge > LONGEST_EDGE) return tooLarge(place, "an edge of " + edge + " pixels", LONGEST_EDGE + " pixels");
        Geometry geometry = Geometry.of(settings, options.aspect(), width, height);
        if (Math.max((long) width * height, geometry.most()) <= options.mostPixels()) return null;
        String found = width + "x" + height + " pixels, which take " + geometry.most() + " on the way";
        return tooLarge(place, found, options.mostPixels() + " pixels");
    }

    private static LoadedImage tooLarge(String place, String found, String most) {
        return new LoadedImage.TooLarge(Failure.data(place, "an image of " + found, "at most " + most, LEAVE_OUT));
    }

    private Raster decoded(String place, ImageSource source) {
        Raster raster = Decoder.decode(place, source);
        return options.upright() ? raster.upright(source.orientation()) : raster;
    }

    /** The levels after resize and crop, of a file. */
    Raster shaped(Path file) throws IOException {
        String place = file.toString();
        return shaped(decoded(place, ImageSource.read(new ImageBytes(place, Files.readAllBytes(file)))));
    }

    /** The levels after padding, resize and crop. */
    Raster shaped(Raster picture) {
        Geometry g = Geometry.of(settings, options.aspect(), picture.width(), picture.height());
        int left = Math.toIntExact(Math.max(0, -g.left())), top = Math.toIntExact(Math.max(0, -g.top()));
        Raster window = Resize.window(
                padded(picture, g),
                settings.resampling(),
                g.width(),
                g.height(),
                Math.max(0, g.left()),
                Math.max(0, g.top()),
                (int) Math.min(g.outWidth() - left, g.width()),
                (int) Math.min(g.outHeight() - top, g.height()));
        if (window.width() == g.outWidth() && window.height() == g.outHeight()) return window;
        Raster out = new Raster(g.outWidth(), g.outHeight());
        out.paste(window, left, top);
        return out;
    }

    Pixels pixels(Raster shaped) {
        return levels.values(shaped);
    }

    private Raster padded(Raster seen, Geometry g) {
        if (seen.width() == g.inWidth() && seen.height() == g.inHeight()) return seen;
        Raster square = Raster.filled(g.inWidth(), g.inHeight(), meanColour(settings.mean()));
        square.paste(seen, (g.inWidth() - seen.width()) / 2, (g.inHeight() - seen.height()) / 2);
        return square;
    }

    /** LLaVA's pad colour: the mean, truncated to whole levels; 0xRRGGBB. */
    private static int meanColour(List<Double> mean) {
        int colour = 0;
        for (double channel : mean) colour = colour << 8 | Math.clamp((int) (255 * channel), 0, 255);
        return colour;
    }
}
