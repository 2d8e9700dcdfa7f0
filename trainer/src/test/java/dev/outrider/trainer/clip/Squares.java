package dev.outrider.trainer.clip;

import dev.outrider.checkpoints.ImagePreprocessing;
import java.util.SplittableRandom;

/**
 * A toy: pictures of 24 by 24 pixels with two squares, each of one of six colours in one of nine places, and captions that
 * say so: colour, place, colour, place. Places move by some pixels, and there is noise.
 *
 * @param first number of the first picture: other numbers, other pictures
 */
record Squares(long first, long size) implements Pairs {
    static final int SIDE = 24, VOCABULARY = 18;
    private static final int[][] COLOURS = {
        {220, 30, 30}, {30, 200, 40}, {40, 60, 230}, {230, 220, 40}, {200, 40, 210}, {240, 240, 240}
    };
    private static final int END = 1, COLOUR = 2, PLACE = 8;
    private static final ImagePreprocessing PREPARED = ImagePreprocessing.clip(SIDE);

    /** What is on a picture: colour and place, twice. */
    private int[] things(long pair) {
        SplittableRandom random = new SplittableRandom(first + pair);
        int one = random.nextInt(9), other = (one + 1 + random.nextInt(8)) % 9;
        return new int[] {random.nextInt(6), Math.min(one, other), random.nextInt(6), Math.max(one, other)};
    }

    @Override
    public int[] caption(long pair) {
        int[] t = things(pair);
        return new int[] {COLOUR + t[0], PLACE + t[1], COLOUR + t[2], PLACE + t[3], END};
    }

    /** Levels of 0..255, [3, S, S]. */
    int[] levels(long pair) {
        int[] things = things(pair), levels = new int[3 * SIDE * SIDE];
        SplittableRandom random = new SplittableRandom(~(first + pair));
        for (int i = 0; i < levels.length; i++) levels[i] = random.nextInt(40);
        for (int t = 0; t < 4; t += 2) draw(levels, COLOURS[things[t]], things[t + 1], random);
        return levels;
    }

    private static void draw(int[] levels, int[] colour, int place, SplittableRandom random) {
        int top = place / 3 * 8 + random.nextInt(3), left = place % 3 * 8 + random.nextInt(3);
        for (int c = 0; c < 3; c++) {
            for (int i = 0; i < 36; i++) levels[(c * SIDE + top + i / 6) * SIDE + left + i % 6] = colour[c];
        }
    }

    @Override
    public float[] pixels(long pair) {
        int[] levels = levels(pair);
        float[] pixels = new float[levels.length];
        for (int i = 0; i < pixels.length; i++) {
            int channel = i / (SIDE * SIDE);
            double value = levels[i] * PREPARED.rescaleFactor();
            pixels[i] = (float)
                    ((value - PREPARED.mean().get(channel)) / PREPARED.std().get(channel));
        }
        return pixels;
    }
}
