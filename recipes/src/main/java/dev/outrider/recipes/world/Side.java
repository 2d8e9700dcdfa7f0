package dev.outrider.recipes.world;

/** Where something lies, seen from something else. */
enum Side {
    LEFT("to the left of", -1, 0),
    RIGHT("to the right of", 1, 0),
    ABOVE("above", 0, -1),
    BELOW("below", 0, 1);

    final String words;
    final int right;
    final int down;

    Side(String words, int right, int down) {
        this.words = words;
        this.right = right;
        this.down = down;
    }
}
