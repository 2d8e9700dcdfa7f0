package dev.outrider.checkpoints.jinja;

import java.util.List;
import java.util.Map;

/** What a call, a filter or a test was given, evaluated. */
record Arguments(List<Object> positional, Map<String, Object> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    boolean has(int index, String name) {
        return index < positional.size() || named.containsKey(name);
    }

    Object value(int index, String name, Object otherwise) {
        if (index < positional.size()) return positional.get(index);
        return named.getOrDefault(name, otherwise);
    }

    Object required(int index, String name) {
        if (!has(index, name)) throw TemplateException.of("missing argument '" + name + "'");
        return value(index, name, null);
    }

    String text(int index, String name, String otherwise) {
        Object value = value(index, name, otherwise);
        return value == null ? null : Python.text(value);
    }

    long integer(int index, String name, long otherwise) {
        return Python.integer(value(index, name, otherwise));
    }

    boolean flag(int index, String name, boolean otherwise) {
        return Python.truth(value(index, name, otherwise));
    }
}
