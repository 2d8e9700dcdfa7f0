package dev.outrider.recipes.report;

import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.data.image.Png;
import dev.outrider.decode.model.Picture;
import java.util.Base64;
import java.util.regex.Pattern;

/** A picture as the tower sees it, small enough to stand in a page: a PNG as {@code data:} URI. */
public final class Thumbnail {
    /** Pixels of the longest edge. */
    static final int MOST = 112;

    private static final String SCHEME = "data:image/png;base64,";
    private static final Pattern FORM = Pattern.compile(Pattern.quote(SCHEME) + "[A-Za-z0-9+/]+={0,2}");

    private Thumbnail() {}

    /** @param settings that the picture's pixels were made with */
    public static String of(Picture picture, ImagePreprocessing settings) {
        float[] pixels = picture.pixels();
        int side = (int) Math.round(Math.sqrt(pixels.length / 3.0));
        int block = (side + MOST - 1) / MOST, edge = side / block;
        byte[] rgb = new byte[3 * edge * edge];
        for (int i = 0; i < rgb.length; i++) {
            int channel = i % 3, x = i / 3 % edge, y = i / 3 / edge;
            double mean = mean(pixels, channel * side * side + (y * side + x) * block, block, side);
            rgb[i] = (byte) Math.clamp(Math.round(level(mean, channel, settings)), 0, 255);
        }
        return SCHEME + Base64.getEncoder().encodeToString(Png.compressed(edge, edge, rgb));
    }

    private static double mean(float[] pixels, int at, int block, int side) {
        double sum = 0;
        for (int i = 0; i < block * block; i++) sum += pixels[at + i / block * side + i % block];
        return sum / (block * block);
    }

    private static double level(double value, int channel, ImagePreprocessing settings) {
        double rescaled = settings.normalise()
                ? value * settings.std().get(channel) + settings.mean().get(channel)
                : value;
        return settings.rescale() ? rescaled / settings.rescaleFactor() : rescaled;
    }

    /** Whether a text is what {@link #of} gives, and nothing else that a page should not hold. */
    static boolean isOne(String text) {
        return FORM.matcher(text).matches();
    }
}
