package dev.outrider.checkpoints.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Jinja's tests: what may follow {@code is}. */
final class Tests {
    private Tests() {}

    static boolean holds(String name, Object value, Arguments with) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == null;
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "string" -> value instanceof String;
            case "number" -> Python.number(value);
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "mapping" -> value instanceof Map;
            case "sequence" -> value instanceof List || value instanceof Map || value instanceof String;
            case "iterable" ->
                value instanceof List || value instanceof Map || value instanceof String || value instanceof Undefined;
            case "callable" -> value instanceof Callable;
            case "even" -> Python.integer(value) % 2 == 0;
            case "odd" -> Python.integer(value) % 2 != 0;
            case "lower" -> cased(value, false);
            case "upper" -> cased(value, true);
            case "escaped" -> false;
            case "filter", "test" -> throw TemplateException.of("the test '" + name + "' is not supported");
            default -> compared(name, value, with);
        };
    }

    private static boolean cased(Object value, boolean upper) {
        String text = Python.text(value);
        String same = upper ? text.toUpperCase(Locale.ROOT) : text.toLowerCase(Locale.ROOT);
        return text.equals(same) && text.codePoints().anyMatch(Character::isLetter);
    }

    private static boolean compared(String name, Object value, Arguments with) {
        return switch (name) {
            case "eq", "equalto", "==" -> Python.equal(value, with.required(0, "other"));
            case "ne", "!=" -> !Python.equal(value, with.required(0, "other"));
            case "lt", "lessthan", "<" -> Python.compare(value, with.required(0, "other")) < 0;
            case "le", "<=" -> Python.compare(value, with.required(0, "other")) <= 0;
            case "gt", "greaterthan", ">" -> Python.compare(value, with.required(0, "other")) > 0;
            case "ge", ">=" -> Python.compare(value, with.required(0, "other")) >= 0;
            case "in" -> Python.contains(with.required(0, "seq"), value);
            case "sameas" -> same(value, with.required(0, "other"));
            case "divisibleby" -> Python.equal(Arithmetic.apply("%", value, with.required(0, "num")), 0L);
            default -> throw TemplateException.of("No test named '" + name + "'");
        };
    }

    private static boolean same(Object a, Object b) {
        return a == b || Python.type(a).equals(Python.type(b)) && Python.number(a) && a.equals(b);
    }
}
