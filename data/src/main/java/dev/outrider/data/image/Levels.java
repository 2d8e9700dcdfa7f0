package dev.outrider.data.image;

import dev.outrider.checkpoints.ImagePreprocessing;

/**
 * What a level of 0..255 becomes, per channel: rescaled in double precision and rounded to float, then normalised in
 * float, as transformers' CLIPImageProcessor on Pillow's pictures does.
 */
final class Levels {
    private final float[] values = new float[3 * 256];

    Levels(ImagePreprocessing settings) {
        for (int i = 0; i < values.length; i++) {
            int channel = i / 256, level = i % 256;
            float value = settings.rescale() ? (float) (level * settings.rescaleFactor()) : level;
            float mean = settings.mean().get(channel).floatValue();
            float std = settings.std().get(channel).floatValue();
            values[i] = settings.normalise() ? (value - mean) / std : value;
        }
    }

    Pixels values(Raster raster) {
        int area = raster.width() * raster.height();
        float[] out = new float[3 * area];
        for (int i = 0; i < area; i++) {
            for (int c = 0; c < 3; c++) out[c * area + i] = values[256 * c + (raster.levels()[3 * i + c] & 255)];
        }
        return new Pixels(raster.height(), raster.width(), out);
    }

    /** @param planes [3, height, width], as {@link Raster#planes} gives them */
    float[] values(byte[] planes) {
        float[] out = new float[planes.length];
        int area = planes.length / 3;
        for (int i = 0; i < out.length; i++) out[i] = values[256 * (i / area) + (planes[i] & 255)];
        return out;
    }
}
