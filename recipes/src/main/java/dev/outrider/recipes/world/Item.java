package dev.outrider.recipes.world;

/**
 * What lies in one corner of a picture: one thing, small or big, or several small ones of a kind.
 *
 * @param count 1 to {@value #MOST}
 */
record Item(int count, boolean big, Hue hue, Shape shape, Corner corner) {
    static final int MOST = 3;

    Item {
        if (big && count > 1) throw new IllegalArgumentException("no room for " + count + " big ones");
    }

    /** One of each size, two or three, all alike likely. */
    static Item draw(Voice voice, Shape shape, Corner corner) {
        int how = voice.number(0, MOST);
        return new Item(Math.max(1, how), how == 0, voice.even(Hue.values()), shape, corner);
    }

    /** As words know it; of several the size is not told. */
    Group group() {
        String size = count > 1 ? "" : big ? "big" : "small";
        return new Group(count, size, hue.word(), shape.noun, corner.spot());
    }
}
