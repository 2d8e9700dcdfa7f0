package dev.outrider.checkpoints.jinja;

import java.util.HashMap;
import java.util.Map;

/** Names and their values; those set inside a loop, macro or with-block end with it. */
final class Scope {
    private final Scope outer;
    private final Map<String, Object> values = new HashMap<>();

    Scope(Scope outer) {
        this.outer = outer;
    }

    void set(String name, Object value) {
        values.put(name, value);
    }

    Object value(String name) {
        for (Scope s = this; s != null; s = s.outer) {
            Object value = s.values.get(name);
            if (value != null || s.values.containsKey(name)) return value;
        }
        return new Undefined("'" + name + "' is undefined");
    }
}
