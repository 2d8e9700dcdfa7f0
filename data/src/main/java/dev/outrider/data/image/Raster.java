package dev.outrider.data.image;

import java.util.Arrays;

/**
 * A picture of 8-bit levels.
 *
 * @param levels [height, width, 3], channels R, G, B
 */
record Raster(int width, int height, byte[] levels) {
    Raster(int width, int height) {
        this(width, height, new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)]);
    }

    static Raster filled(int width, int height, int colour) {
        Raster raster = new Raster(width, height);
        Arrays.fill(raster.levels, (byte) colour);
        boolean grey = colour == (colour & 255) * 0x010101;
        for (int at = 0; !grey && at < raster.levels.length; at += 3) raster.paint(at, colour);
        return raster;
    }

    /** The levels as [3, height, width]. */
    byte[] planes() {
        int area = width * height;
        byte[] planes = new byte[levels.length];
        for (int i = 0; i < area; i++) for (int c = 0; c < 3; c++) planes[c * area + i] = levels[3 * i + c];
        return planes;
    }

    private void paint(int at, int colour) {
        levels[at] = (byte) (colour >> 16);
        levels[at + 1] = (byte) (colour >> 8);
        levels[at + 2] = (byte) colour;
    }

    /** Copies all of another picture to a place inside this one. */
    void paste(Raster other, int left, int top) {
        for (int y = 0; y < other.height; y++)
            System.arraycopy(
                    other.levels, 3 * y * other.width, levels, 3 * ((top + y) * width + left), 3 * other.width);
    }

    /**
     * Turned as EXIF's orientation says that it is to be seen: 2 mirrored, 3 by 180 degrees, 4 upside down,
     * 5 transposed, 6 by 90 degrees clockwise, 7 transposed along the other diagonal, 8 by 90 degrees back.
     */
    Raster upright(int orientation) {
        if (orientation == 1) return this;
        boolean swapped = orientation > 4;
        boolean fromRight = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean fromBottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        Raster out = swapped ? new Raster(height, width) : new Raster(width, height);
        int alongX = fromRight ? -1 : 1, alongY = fromBottom ? -width : width;
        int start = (fromRight ? width - 1 : 0) + (fromBottom ? (height - 1) * width : 0);
        out.gather(this, start, swapped ? alongY : alongX, swapped ? alongX : alongY);
        return out;
    }

    /** Takes pixels of another picture: where its first one lies, and the steps to the next column and row. */
    private void gather(Raster from, int start, int column, int row) {
        for (int y = 0, to = 0; y < height; y++) {
            for (int x = 0, at = 3 * (start + y * row); x < width; x++, at += 3 * column, to += 3) {
                levels[to] = from.levels[at];
                levels[to + 1] = from.levels[at + 1];
                levels[to + 2] = from.levels[at + 2];
            }
        }
    }
}
