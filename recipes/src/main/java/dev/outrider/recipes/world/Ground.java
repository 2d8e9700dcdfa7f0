package dev.outrider.recipes.world;

import java.util.Locale;

/** What a picture is drawn on. */
enum Ground {
    WHITE(0xffffff),
    GREY(0xa8adb3),
    BLACK(0x14161a);

    /** 0xRRGGBB. */
    final int rgb;

    Ground(int rgb) {
        this.rgb = rgb;
    }

    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
