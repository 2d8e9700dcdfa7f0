package dev.outrider.recipes.world;

import java.util.Map;

/** Somebody doing something somewhere: Anna is reading a book by the door. */
record Person(String name, String doing, String near) {
    String line() {
        return name + " is " + doing + " " + near;
    }

    Map<String, String> slots() {
        return Map.of("name", name, "doing", doing, "near", near);
    }
}
