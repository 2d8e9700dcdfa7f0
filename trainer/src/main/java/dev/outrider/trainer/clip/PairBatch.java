package dev.outrider.trainer.clip;

import java.util.Arrays;
import java.util.function.LongUnaryOperator;

/**
 * B pairs of a step.
 *
 * @param pixels [3, S, S] each
 * @param captions tokens, at least one each
 * @param pictures equal for equal pictures
 */
public record PairBatch(float[][] pixels, int[][] captions, long[] pictures) {
    public PairBatch {
        if (pixels.length != captions.length || pixels.length != pictures.length || pixels.length == 0) {
            throw new IllegalArgumentException(
                    pixels.length + " pictures, " + captions.length + " captions, " + pictures.length + " numbers");
        }
    }

    /** The pairs at positions {@code from} .. {@code from + count - 1} of an order. */
    public static PairBatch of(Pairs pairs, LongUnaryOperator order, long from, int count) {
        float[][] pixels = new float[count][];
        int[][] captions = new int[count][];
        long[] pictures = new long[count];
        for (int i = 0; i < count; i++) {
            long pair = order.applyAsLong(from + i);
            pixels[i] = pairs.pixels(pair);
            captions[i] = pairs.caption(pair);
            pictures[i] = pairs.picture(pair);
        }
        return new PairBatch(pixels, captions, pictures);
    }

    /** B. */
    public int size() {
        return pixels.length;
    }

    /** T, tokens of the longest caption. */
    public int time() {
        int time = 0;
        for (int[] caption : captions) time = Math.max(time, caption.length);
        return time;
    }

    /** Whether two pairs may not be told apart: they have the same picture, or equal captions. */
    public boolean alike(int i, int j) {
        return pictures[i] == pictures[j] || Arrays.equals(captions[i], captions[j]);
    }
}
