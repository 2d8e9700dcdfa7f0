package dev.outrider.recipes.world;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What a picture shows: things in two or three of its corners, every kind in one of them at most.
 *
 * @param items in reading order
 */
record View(Ground ground, List<Item> items) {
    View {
        items = List.copyOf(items);
    }

    /** Everything evenly: what a picture shows cannot be guessed. */
    static View draw(Voice voice) {
        int count = voice.number(2, 3);
        List<Corner> corners = voice.shuffled(List.of(Corner.values())).subList(0, count);
        List<Shape> shapes = voice.shuffled(List.of(Shape.values())).subList(0, count);
        List<Item> items = new ArrayList<>();
        for (int i = 0; i < count; i++) items.add(Item.draw(voice, shapes.get(i), corners.get(i)));
        items.sort(Comparator.comparing(Item::corner));
        return new View(voice.even(Ground.values()), items);
    }

    /** Equal for equal pictures, and only for these. */
    String key() {
        return ground.word() + items.stream().map(i -> i.group().line()).toList();
    }

    Optional<Item> at(Corner corner) {
        return items.stream().filter(i -> i.corner() == corner).findFirst();
    }

    /** Kinds of things that it does not show. */
    List<Shape> absent() {
        List<Shape> shown = items.stream().map(Item::shape).toList();
        return Arrays.stream(Shape.values()).filter(s -> !shown.contains(s)).toList();
    }
}
