package dev.outrider.recipes.world;

import java.util.Locale;
import java.util.Optional;

/** A quarter of a picture, in reading order. */
enum Corner {
    TOP_LEFT,
    TOP_RIGHT,
    BOTTOM_LEFT,
    BOTTOM_RIGHT;

    /** 0 is the left one. */
    int column() {
        return ordinal() % 2;
    }

    /** 0 is the top one. */
    int row() {
        return ordinal() / 2;
    }

    /** top left. */
    String words() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    /** in the top left corner. */
    String spot() {
        return "in the " + words() + " corner";
    }

    /** The one that lies on that side of it. */
    Optional<Corner> neighbour(Side side) {
        int column = column() + side.right, row = row() + side.down;
        boolean inside = column >= 0 && column < 2 && row >= 0 && row < 2;
        return inside ? Optional.of(values()[2 * row + column]) : Optional.empty();
    }
}
