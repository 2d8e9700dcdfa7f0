package dev.outrider.checkpoints.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attributes, items and slices of values. */
final class Members {
    private Members() {}

    /** {@code of.name}: an attribute, or else the item of that key. */
    static Object attribute(Object of, String name) {
        Callable method = Methods.of(of, name);
        if (method != null) return method;
        return switch (of) {
            case Undefined u -> throw u.error();
            case Map<?, ?> map when map.containsKey(name) -> map.get(name);
            case Namespace n when n.members().containsKey(name) -> n.members().get(name);
            case Loop loop -> loop.member(name);
            case null, default -> none(of, name);
        };
    }

    private static Undefined none(Object of, Object key) {
        String type = Python.type(of);
        String owner = of == null ? "None" : type + " object";
        return new Undefined("'" + owner + "' has no attribute " + Python.represented(key));
    }

    /** {@code of[key]}: an item, or else the attribute of that name. */
    static Object item(Object of, Object key) {
        if (of instanceof Undefined u) throw u.error();
        if (of instanceof Map<?, ?> map && map.containsKey(key)) return map.get(key);
        if (key instanceof String name) return attribute(of, name);
        if (of instanceof List<?> list && key instanceof Long index) return at(list, index);
        if (of instanceof String text && key instanceof Long index) return at(text, index);
        return none(of, key);
    }

    private static Object at(List<?> list, long index) {
        long place = index < 0 ? index + list.size() : index;
        if (place < 0 || place >= list.size()) return none(list, index);
        return list.get((int) place);
    }

    private static Object at(String text, long index) {
        long place = index < 0 ? index + Text.length(text) : index;
        if (place < 0 || place >= Text.length(text)) return none(text, index);
        return Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) place)));
    }

    /** {@code of.a.b} or {@code of[0].b} written as one text with points. */
    static Object path(Object of, String path) {
        Object value = of;
        for (String part : path.split("\\.")) {
            boolean index = part.matches("\\d{1,9}");
            value = item(value, index ? (Object) Long.valueOf(part) : part);
        }
        return value;
    }

    /** {@code of[from:to:step]}; null for a bound that is left out. */
    static Object slice(Object of, Object from, Object to, Object step) {
        if (of instanceof Undefined u) throw u.error();
        if (of instanceof String text) {
            StringBuilder out = new StringBuilder();
            slice(Text.characters(text), from, to, step).forEach(out::append);
            return out.toString();
        }
        if (!(of instanceof List<?> list)) throw TemplateException.of("'" + Python.type(of) + "' object has no slices");
        List<Object> out = slice(list, from, to, step);
        return of instanceof Tuple ? new Tuple(out) : out;
    }

    private static List<Object> slice(List<?> list, Object from, Object to, Object step) {
        long by = step == null ? 1 : Python.integer(step);
        if (by == 0) throw TemplateException.of("slice step cannot be zero");
        long size = list.size();
        long first = by > 0 ? 0 : size - 1, last = by > 0 ? size : -1;
        long begin = from == null ? first : bound(Python.integer(from), size, by);
        long end = to == null ? last : bound(Python.integer(to), size, by);
        List<Object> out = new ArrayList<>();
        for (long i = begin; by > 0 ? i < end : i > end; i += by) {
            out.add(list.get((int) i));
            if (Math.abs(by) > size) break;
        }
        return out;
    }

    private static long bound(long index, long size, long by) {
        long place = index < 0 ? index + size : index;
        return by > 0 ? Math.clamp(place, 0, size) : Math.clamp(place, -1, size - 1);
    }
}
