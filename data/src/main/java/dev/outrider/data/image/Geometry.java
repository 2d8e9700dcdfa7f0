package dev.outrider.data.image;

import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;

/**
 * Sizes on the way from a picture to a tensor, in pixels: padded to inWidth x inHeight, resized to width x height,
 * of which the window of outWidth x outHeight at (left, top) is taken. The window may reach beyond: zeros are there.
 */
record Geometry(int inWidth, int inHeight, long width, long height, long left, long top, int outWidth, int outHeight) {

    static Geometry of(ImagePreprocessing settings, ImageAspect aspect, int width, int height) {
        boolean pad = aspect == ImageAspect.PAD;
        int longest = Math.max(width, height);
        return padded(settings, pad ? longest : width, pad ? longest : height);
    }

    private static Geometry padded(ImagePreprocessing settings, int width, int height) {
        long wide = width, high = height;
        if (settings.resize()) {
            switch (settings.size()) {
                case ImagePreprocessing.Exact e -> {
                    wide = e.width();
                    high = e.height();
                }
                case ImagePreprocessing.ShortestEdge s -> {
                    wide = width <= height ? s.edge() : stretched(s.edge(), width, height);
                    high = width <= height ? stretched(s.edge(), height, width) : s.edge();
                }
            }
        }
        if (!settings.centreCrop()) return new Geometry(width, height, wide, high, 0, 0, clamped(wide), clamped(high));
        int outWidth = settings.cropSize().width(),
                outHeight = settings.cropSize().height();
        long left = Math.floorDiv(wide - outWidth, 2), top = Math.floorDiv(high - outHeight, 2);
        return new Geometry(width, height, wide, high, left, top, outWidth, outHeight);
    }

    /** The long edge that keeps the shape, truncated as transformers does. */
    private static long stretched(int edge, int longEdge, int shortEdge) {
        return (long) ((double) ((long) edge * longEdge) / shortEdge);
    }

    private static int clamped(long pixels) {
        return (int) Math.min(pixels, Integer.MAX_VALUE);
    }

    /** The largest number of pixels that is held on the way. */
    long most() {
        return Math.max((long) inWidth * inHeight, (long) outWidth * outHeight);
    }
}
