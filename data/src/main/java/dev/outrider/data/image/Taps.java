package dev.outrider.data.image;

import dev.outrider.checkpoints.Resampling;

/**
 * Which input samples an output sample of one axis is made of, and how much of each: Pillow's coefficients
 * (Pillow, src/libImaging/Resample.c), for a window of the output. The filter widens when the picture shrinks.
 * Weights are whole multiples of 2^-22.
 */
final class Taps {
    static final int PRECISION = 32 - 8 - 2;

    private final Resampling filter;
    private final int in;
    private final double scale, stretch, support;
    private final int[] starts, offsets, weights;

    /**
     * @param in samples of the whole input
     * @param out samples of the whole output, of which count are wanted, from the given one on
     */
    Taps(Resampling filter, int in, long out, long from, int count) {
        this.filter = filter;
        this.in = in;
        scale = (double) in / out;
        stretch = Math.max(scale, 1);
        support = reach(filter) * stretch;
        starts = new int[count];
        offsets = new int[count + 1];
        for (int i = 0; i < count; i++) place(i, from + i);
        weights = new int[offsets[count]];
        for (int i = 0; i < count; i++) weigh(i, from + i);
    }

    private void place(int i, long sample) {
        double centre = centre(sample);
        starts[i] = Math.max(0, (int) (centre - support + 0.5));
        int end = Math.min(in, (int) (centre + support + 0.5));
        offsets[i + 1] = offsets[i] + end - starts[i];
    }

    private void weigh(int i, long sample) {
        double centre = centre(sample), total = 0;
        int count = offsets[i + 1] - offsets[i];
        double[] plain = new double[count];
        for (int j = 0; j < count; j++) {
            plain[j] = weight(filter, (j + starts[i] - centre + 0.5) * (1 / stretch));
            total += plain[j];
        }
        for (int j = 0; j < count; j++) {
            double weight = (total == 0 ? plain[j] : plain[j] / total) * (1 << PRECISION);
            weights[offsets[i] + j] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
        }
    }

    private double centre(long sample) {
        return (sample + 0.5) * scale;
    }

    private static double reach(Resampling filter) {
        return filter == Resampling.BICUBIC ? 2 : 1;
    }

    /** Bicubic: Keys' kernel with a = -0.5. */
    private static double weight(Resampling filter, double distance) {
        double x = Math.abs(distance), a = -0.5;
        if (filter == Resampling.BILINEAR) return x < 1 ? 1 - x : 0;
        if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }

    int count() {
        return starts.length;
    }

    /** The first input sample of an output sample. */
    int start(int i) {
        return starts[i];
    }

    /** Behind the last input sample of an output sample. */
    int end(int i) {
        return starts[i] + offsets[i + 1] - offsets[i];
    }

    /** Weight of an input sample between start and end. */
    int weight(int i, int sample) {
        return weights[offsets[i] + sample - starts[i]];
    }

    /**
     * One row of pixels R, G, B: each output channel's sum is rounded to 0..255.
     *
     * @param to [count, 3]
     */
    void row(byte[] from, int at, int[] to) {
        for (int i = 0; i < starts.length; i++) {
            int r = 1 << PRECISION - 1, g = r, b = r;
            for (int j = offsets[i], p = at + 3 * starts[i]; j < offsets[i + 1]; j++, p += 3) {
                int weight = weights[j];
                r += (from[p] & 255) * weight;
                g += (from[p + 1] & 255) * weight;
                b += (from[p + 2] & 255) * weight;
            }
            to[3 * i] = level(r);
            to[3 * i + 1] = level(g);
            to[3 * i + 2] = level(b);
        }
    }

    static int level(int sum) {
        return Math.clamp(sum >> PRECISION, 0, 255);
    }
}
