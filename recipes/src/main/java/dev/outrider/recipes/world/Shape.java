package dev.outrider.recipes.world;

/** A kind of thing in pictures: which pixels of a square it covers. */
enum Shape {
    CIRCLE("circle/circles") {
        @Override
        boolean covers(int x, int y, int edge) {
            return x * x + y * y <= edge * edge;
        }
    },
    SQUARE("square/squares") {
        @Override
        boolean covers(int x, int y, int edge) {
            return true;
        }
    },
    TRIANGLE("triangle/triangles") {
        @Override
        boolean covers(int x, int y, int edge) {
            return 2 * Math.abs(x) <= y + edge;
        }
    },
    CROSS("cross/crosses") {
        @Override
        boolean covers(int x, int y, int edge) {
            return 3 * Math.min(Math.abs(x), Math.abs(y)) <= edge;
        }
    },
    RING("ring/rings") {
        @Override
        boolean covers(int x, int y, int edge) {
            int square = x * x + y * y;
            return square <= edge * edge && 3 * square >= edge * edge;
        }
    };

    final Noun noun;

    Shape(String noun) {
        this.noun = Noun.of(noun);
    }

    /**
     * In whole numbers, so that every machine draws the same.
     *
     * @param x from the middle to the right, in half pixels, within ±edge
     * @param y from the middle down, likewise
     * @param edge of the square, in pixels
     */
    abstract boolean covers(int x, int y, int edge);
}
