package dev.outrider.recipes.world;

import dev.outrider.data.image.Png;
import dev.outrider.data.shard.Hashes;

/** A view as a picture of {@value #SIDE} x {@value #SIDE} pixels: no jitter, no grey edges, the same everywhere. */
public final class Drawing {
    /** Pixels of an edge: 16 patches of 12, or 36 of 8. */
    public static final int SIDE = 48;

    private static final int CELL = SIDE / 2, BIG = 20, SMALL = 10;

    /** Middles of so many things in a corner, x and y in turn. */
    private static final int[][] MIDDLES = {{}, {12, 12}, {6, 12, 18, 12}, {12, 6, 6, 18, 18, 18}};

    private final View view;

    Drawing(View view) {
        this.view = view;
    }

    View view() {
        return view;
    }

    /** The file's name: equal for equal pictures, and only for these. */
    public String name() {
        return Hashes.of(view.key()).substring(0, 16) + ".png";
    }

    /** The file, RGB; the same bytes whenever it is drawn. */
    public byte[] png() {
        byte[] rgb = new byte[3 * SIDE * SIDE];
        for (int i = 0; i < SIDE * SIDE; i++) paint(rgb, i, view.ground().rgb);
        for (Item item : view.items()) draw(rgb, item);
        return Png.stored(SIDE, SIDE, rgb);
    }

    private static void draw(byte[] rgb, Item item) {
        int[] middles = MIDDLES[item.count()];
        int edge = item.big() ? BIG : SMALL;
        for (int i = 0; i < middles.length; i += 2) {
            int left = item.corner().column() * CELL + middles[i] - edge / 2;
            int top = item.corner().row() * CELL + middles[i + 1] - edge / 2;
            draw(rgb, item, left, top, edge);
        }
    }

    private static void draw(byte[] rgb, Item item, int left, int top, int edge) {
        for (int y = 0; y < edge; y++) {
            for (int x = 0; x < edge; x++) {
                boolean covered = item.shape().covers(2 * x + 1 - edge, 2 * y + 1 - edge, edge);
                if (covered) paint(rgb, (top + y) * SIDE + left + x, item.hue().rgb);
            }
        }
    }

    private static void paint(byte[] rgb, int pixel, int colour) {
        for (int c = 0; c < 3; c++) rgb[3 * pixel + c] = (byte) (colour >> 16 - 8 * c);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Drawing d && view.equals(d.view);
    }

    @Override
    public int hashCode() {
        return view.hashCode();
    }

    @Override
    public String toString() {
        return view.key();
    }
}
