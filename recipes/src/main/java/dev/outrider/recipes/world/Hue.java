package dev.outrider.recipes.world;

import java.util.Locale;

/** What things in pictures are coloured with; far apart, also from every {@link Ground}. */
enum Hue {
    RED(0xd62828),
    BLUE(0x2457d6),
    GREEN(0x2a9d3f),
    YELLOW(0xf5d20f),
    PURPLE(0x8e3bb8),
    ORANGE(0xf5821f);

    /** 0xRRGGBB. */
    final int rgb;

    Hue(int rgb) {
        this.rgb = rgb;
    }

    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
