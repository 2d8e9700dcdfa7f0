package dev.outrider.checkpoints.jinja;

import java.util.AbstractList;
import java.util.List;

/** A list that Python prints with round brackets. */
final class Tuple extends AbstractList<Object> {
    private final List<?> items;

    Tuple(List<?> items) {
        this.items = items;
    }

    static Tuple of(Object... items) {
        return new Tuple(java.util.Arrays.asList(items));
    }

    @Override
    public Object get(int index) {
        return items.get(index);
    }

    @Override
    public int size() {
        return items.size();
    }
}
