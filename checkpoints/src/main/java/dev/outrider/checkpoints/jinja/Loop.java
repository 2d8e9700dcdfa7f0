package dev.outrider.checkpoints.jinja;

import java.util.List;

/** The variable {@code loop} of a loop over these items. */
final class Loop {
    private final List<?> items;
    private final int depth;
    private int index;
    private Object seen = this;

    Loop(List<?> items, int depth) {
        this.items = items;
        this.depth = depth;
    }

    void at(int place) {
        index = place;
    }

    int depth() {
        return depth;
    }

    Object member(String name) {
        long size = items.size();
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> size - index;
            case "revindex0" -> size - index - 1;
            case "first" -> index == 0;
            case "last" -> index == size - 1;
            case "length" -> size;
            case "depth" -> (long) depth;
            case "depth0" -> depth - 1L;
            case "previtem" -> index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
            case "nextitem" -> index + 1 < size ? items.get(index + 1) : new Undefined("there is no next item");
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> new Undefined("'LoopContext' object has no attribute '" + name + "'");
        };
    }

    private Object cycle(Arguments arguments) {
        List<Object> values = arguments.positional();
        if (values.isEmpty()) throw TemplateException.of("no items for cycling given");
        return values.get(index % values.size());
    }

    private Object changed(Arguments arguments) {
        boolean same = seen instanceof List<?> last && Python.equal(last, arguments.positional());
        seen = arguments.positional();
        return !same;
    }
}
