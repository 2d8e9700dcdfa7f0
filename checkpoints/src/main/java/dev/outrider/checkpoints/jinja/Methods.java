package dev.outrider.checkpoints.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Methods of strings, dictionaries and lists. Those that change a value are absent: transformers renders in an
 * immutable sandbox.
 */
final class Methods {
    private static final Set<String> TEXT = Set.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "partition",
            "rpartition",
            "startswith",
            "endswith",
            "replace",
            "upper",
            "lower",
            "casefold",
            "swapcase",
            "title",
            "capitalize",
            "find",
            "rfind",
            "index",
            "rindex",
            "count",
            "join",
            "format",
            "removeprefix",
            "removesuffix",
            "ljust",
            "rjust",
            "center",
            "zfill",
            "isdigit",
            "isdecimal",
            "isnumeric",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower",
            "isascii");
    private static final Set<String> DICTIONARY = Set.of("items", "keys", "values", "get", "copy");
    private static final Set<String> LIST = Set.of("index", "count", "copy");

    private Methods() {}

    /** The method, bound to its value, or null where there is none of that name. */
    static Callable of(Object value, String name) {
        return switch (value) {
            case String s when TEXT.contains(name) -> arguments -> text(s, name, arguments);
            case Map<?, ?> map when DICTIONARY.contains(name) -> arguments -> dictionary(map, name, arguments);
            case List<?> list when LIST.contains(name) -> arguments -> list(list, name, arguments);
            case null, default -> null;
        };
    }

    static List<Object> items(Object value) {
        if (!(value instanceof Map<?, ?> map)) throw TemplateException.of("Can only get item pairs from a mapping.");
        List<Object> out = new ArrayList<>();
        map.forEach((key, member) -> out.add(Tuple.of(key, member)));
        return out;
    }

    private static Object dictionary(Map<?, ?> map, String name, Arguments with) {
        return switch (name) {
            case "items" -> items(map);
            case "keys" -> new ArrayList<>(map.keySet());
            case "values" -> new ArrayList<>(map.values());
            case "copy" -> map;
            default -> {
                Object key = with.required(0, "key");
                yield map.containsKey(key) ? map.get(key) : with.value(1, "default", null);
            }
        };
    }

    private static Object list(List<?> list, String name, Arguments with) {
        if (name.equals("copy")) return list;
        Object wanted = with.required(0, "value");
        if (name.equals("count"))
            return list.stream().filter(i -> Python.equal(i, wanted)).count();
        for (int i = 0; i < list.size(); i++) if (Python.equal(list.get(i), wanted)) return (long) i;
        throw TemplateException.of(Python.represented(wanted) + " is not in list");
    }

    private static Object text(String s, String name, Arguments with) {
        return switch (name) {
            case "strip" -> Text.strip(s, with.text(0, "chars", null));
            case "lstrip" -> Text.leftStrip(s, with.text(0, "chars", null));
            case "rstrip" -> Text.rightStrip(s, with.text(0, "chars", null));
            case "split" -> Text.split(s, with.text(0, "sep", null), with.integer(1, "maxsplit", -1));
            case "rsplit" -> Text.splitRight(s, with.text(0, "sep", null), with.integer(1, "maxsplit", -1));
            case "splitlines" -> Text.lines(s, with.flag(0, "keepends", false));
            case "partition" -> partition(s, part(with), s.indexOf(part(with)), true);
            case "rpartition" -> partition(s, part(with), s.lastIndexOf(part(with)), false);
            case "startswith" -> edge(s, with, true);
            case "endswith" -> edge(s, with, false);
            case "replace" ->
                Text.replace(s, part(with), Python.text(with.required(1, "new")), with.integer(2, "count", -1));
            case "join" -> Filters.apply("join", with.required(0, "iterable"), new Arguments(List.of(s), Map.of()));
            case "format" -> Functions.format(s, with);
            case "removeprefix" ->
                s.startsWith(part(with)) ? s.substring(part(with).length()) : s;
            case "removesuffix" ->
                s.endsWith(part(with)) ? s.substring(0, s.length() - part(with).length()) : s;
            case "find", "rfind", "index", "rindex" -> place(s, name, with);
            case "count" ->
                (long)
                        (part(with).isEmpty()
                                ? Text.length(s)
                                : Text.split(s, part(with), -1).size() - 1);
            case "ljust", "rjust", "center", "zfill" -> padded(s, name, with);
            default -> name.startsWith("is") ? is(s, name) : cased(s, name);
        };
    }

    private static String part(Arguments with) {
        Object part = with.required(0, "value");
        if (part instanceof String s) return s;
        throw TemplateException.of("a string is needed, not '" + Python.type(part) + "'");
    }

    private static Object partition(String s, String separator, int at, boolean first) {
        if (at < 0) return first ? Tuple.of(s, "", "") : Tuple.of("", "", s);
        return Tuple.of(s.substring(0, at), separator, s.substring(at + separator.length()));
    }

    private static boolean edge(String s, Arguments with, boolean start) {
        if (with.required(0, "prefix") instanceof List<?> several) {
            return several.stream().anyMatch(p -> start ? s.startsWith(Python.text(p)) : s.endsWith(Python.text(p)));
        }
        return start ? s.startsWith(part(with)) : s.endsWith(part(with));
    }

    private static long place(String s, String name, Arguments with) {
        int found = name.startsWith("r") ? s.lastIndexOf(part(with)) : s.indexOf(part(with));
        if (found < 0 && name.endsWith("index")) throw TemplateException.of("substring not found");
        return found < 0 ? -1 : s.codePointCount(0, found);
    }

    private static String padded(String s, String name, Arguments with) {
        long width = with.integer(0, "width", 0);
        String fill = with.text(1, "fillchar", " ");
        return switch (name) {
            case "ljust" -> padded(s, width, fill, 0);
            case "rjust" -> padded(s, width, fill, 1);
            case "center" -> padded(s, width, fill, 2);
            default -> {
                boolean signed = s.startsWith("-") || s.startsWith("+");
                yield (signed ? s.substring(0, 1) : "")
                        + padded(signed ? s.substring(1) : s, signed ? width - 1 : width, "0", 1);
            }
        };
    }

    /** @param side 0: filled behind, 1: before, 2: both */
    static String padded(String s, long width, String fill, int side) {
        long missing = Math.max(0, width - Text.length(s));
        long before = side == 0 ? 0 : side == 1 ? missing : missing / 2 + (missing & width & 1);
        return Text.bounded(Text.repeated(fill, before) + s + Text.repeated(fill, missing - before));
    }

    private static Object cased(String s, String name) {
        return switch (name) {
            case "upper" -> s.toUpperCase(Locale.ROOT);
            case "lower", "casefold" -> s.toLowerCase(Locale.ROOT);
            case "title" -> Text.titled(s);
            case "capitalize" -> Text.capitalised(s);
            default -> {
                StringBuilder out = new StringBuilder();
                s.codePoints()
                        .forEach(c -> out.appendCodePoint(
                                Character.isUpperCase(c) ? Character.toLowerCase(c) : Character.toUpperCase(c)));
                yield out.toString();
            }
        };
    }

    private static boolean is(String s, String name) {
        return switch (name) {
            case "isascii" -> s.codePoints().allMatch(c -> c < 128);
            case "isupper" -> Tests.holds("upper", s, Arguments.NONE);
            case "islower" -> Tests.holds("lower", s, Arguments.NONE);
            default ->
                !s.isEmpty()
                        && s.codePoints().allMatch(c -> switch (name) {
                            case "isalpha" -> Character.isLetter(c);
                            case "isalnum" -> Character.isLetterOrDigit(c);
                            case "isspace" -> Text.space(c);
                            default -> Character.isDigit(c);
                        });
        };
    }
}
