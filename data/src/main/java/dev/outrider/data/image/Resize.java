package dev.outrider.data.image;

import dev.outrider.checkpoints.Resampling;
import java.util.Arrays;

/**
 * Pillow's resize of 8-bit pictures, bit for bit: rows first, then columns, rounded to 8 bits after each. A window of
 * the result can be asked for and costs no more than itself, however large the whole would be. Input rows are read
 * once, each added to the sums of the output rows that it is part of.
 */
final class Resize {
    private final Raster in, out;
    private final Taps across, down;
    private final int[] row, sums;

    private Resize(Raster in, Taps across, Taps down) {
        this.in = in;
        this.across = across;
        this.down = down;
        out = new Raster(across.count(), down.count());
        row = new int[3 * out.width()];
        sums = new int[out.levels().length];
    }

    /**
     * A window of the resized picture.
     *
     * @param width of the whole result, pixels; so is height
     * @param left of the window in it; the window lies inside
     */
    static Raster window(
            Raster in, Resampling filter, long width, long height, long left, long top, int wide, int high) {
        Taps across = new Taps(filter, in.width(), width, left, wide);
        return new Resize(in, across, new Taps(filter, in.height(), height, top, high)).run();
    }

    private Raster run() {
        Arrays.fill(sums, 1 << Taps.PRECISION - 1);
        int first = 0, last = 0;
        for (int y = down.start(0); y < down.end(out.height() - 1); y++) {
            while (first < out.height() && down.end(first) <= y) first++;
            while (last < out.height() && down.start(last) <= y) last++;
            if (first < last) across.row(in.levels(), 3 * y * in.width(), row);
            for (int to = first; to < last; to++) add(row, down.weight(to, y), sums, to * row.length);
        }
        for (int i = 0; i < sums.length; i++) out.levels()[i] = (byte) Taps.level(sums[i]);
        return out;
    }

    private static void add(int[] row, int weight, int[] sums, int at) {
        for (int i = 0; i < row.length; i++) sums[at + i] += row[i] * weight;
    }
}
