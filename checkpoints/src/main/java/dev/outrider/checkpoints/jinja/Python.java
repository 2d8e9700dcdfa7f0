package dev.outrider.checkpoints.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * Python's values as a template sees them. None is null; bool, int, float and str are Boolean, Long, Double and
 * String; list, tuple and dict are List, {@link Tuple} and Map.
 */
final class Python {
    private Python() {}

    /** A value of Java's, with smaller numbers widened and containers copied. */
    static Object value(Object of) {
        return switch (of) {
            case Integer i -> i.longValue();
            case Short i -> i.longValue();
            case Float f -> f.doubleValue();
            case Tuple t -> t;
            case List<?> list -> list.stream().map(Python::value).collect(Collectors.toCollection(ArrayList::new));
            case Map<?, ?> map -> {
                Map<Object, Object> out = new LinkedHashMap<>();
                map.forEach((key, value) -> out.put(value(key), value(value)));
                yield out;
            }
            case null, default -> of;
        };
    }

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Undefined u -> false;
            case Boolean b -> b;
            case Long n -> n != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> true;
        };
    }

    /** str(value). */
    static String text(Object value) {
        return value instanceof String s ? s : value instanceof Undefined ? "" : represented(value);
    }

    /** repr(value). */
    static String represented(Object value) {
        StringBuilder out = new StringBuilder();
        represent(value, out);
        return out.toString();
    }

    private static void represent(Object value, StringBuilder out) {
        if (out.length() > Text.LONGEST) throw Text.tooLong();
        switch (value) {
            case null -> out.append("None");
            case Undefined u -> out.append("Undefined");
            case Boolean b -> out.append(b ? "True" : "False");
            case Double d -> out.append(real(d));
            case String s -> quote(s, out);
            case Tuple t -> represent(t, "(", t.size() == 1 ? ",)" : ")", out);
            case List<?> list -> represent(list, "[", "]", out);
            case Map<?, ?> map -> represent(map, out);
            case Namespace n -> {
                out.append("<Namespace ");
                represent(n.members(), out);
                out.append('>');
            }
            default -> out.append(value);
        }
    }

    private static void represent(List<?> items, String begin, String end, StringBuilder out) {
        out.append(begin);
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) out.append(", ");
            represent(items.get(i), out);
        }
        out.append(end);
    }

    private static void represent(Map<?, ?> map, StringBuilder out) {
        String between = "{";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(between);
            represent(entry.getKey(), out);
            out.append(": ");
            represent(entry.getValue(), out);
            between = ", ";
        }
        out.append(map.isEmpty() ? "{}" : "}");
    }

    private static void quote(String text, StringBuilder out) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        text.codePoints().forEach(c -> {
            int simple = "\n\r\t\\".indexOf(c);
            if (simple >= 0) out.append('\\').append("nrt\\".charAt(simple));
            else if (c == quote) out.append('\\').appendCodePoint(c);
            else if (c == ' ' || printable(c)) out.appendCodePoint(c);
            else
                out.append(
                        c < 256 ? "\\x%02x".formatted(c) : c < 65536 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c));
        });
        out.append(quote);
    }

    private static boolean printable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** The shortest digits that give the number again, with an exponent below 1e-4 and from 1e16 on. */
    static String real(double d) {
        if (Double.isNaN(d)) return "nan";
        if (Double.isInfinite(d)) return d > 0 ? "inf" : "-inf";
        if (d == 0) return 1 / d < 0 ? "-0.0" : "0.0";
        BigDecimal shortest = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = shortest.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String digits = shortest.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        return (d < 0 ? "-" : "")
                + digits.charAt(0)
                + fraction
                + "e%s%02d".formatted(exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    static boolean equal(Object a, Object b) {
        if (number(a) && number(b)) return compare(a, b) == 0;
        if (a instanceof List<?> x && b instanceof List<?> y) {
            if (x.size() != y.size() || x instanceof Tuple != y instanceof Tuple) return false;
            for (int i = 0; i < x.size(); i++) if (!equal(x.get(i), y.get(i))) return false;
            return true;
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            return x.size() == y.size()
                    && x.entrySet().stream()
                            .allMatch(e -> y.containsKey(e.getKey()) && equal(e.getValue(), y.get(e.getKey())));
        }
        return a instanceof Undefined && b instanceof Undefined || Objects.equals(a, b);
    }

    static boolean number(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    /** @throws TemplateException for values without an order */
    static int compare(Object a, Object b) {
        if (number(a) && number(b)) {
            return a instanceof Double || b instanceof Double
                    ? Double.compare(decimal(a) + 0.0, decimal(b) + 0.0)
                    : Long.compare(integer(a), integer(b));
        }
        if (a instanceof String x && b instanceof String y) {
            return Arrays.compare(x.codePoints().toArray(), y.codePoints().toArray());
        }
        if (a instanceof List<?> x && b instanceof List<?> y) return compare(x, y);
        if (a instanceof Undefined u) throw u.error();
        if (b instanceof Undefined u) throw u.error();
        throw TemplateException.of("no order between " + type(a) + " and " + type(b));
    }

    private static int compare(List<?> a, List<?> b) {
        for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
            if (!equal(a.get(i), b.get(i))) return compare(a.get(i), b.get(i));
        }
        return Integer.compare(a.size(), b.size());
    }

    static boolean contains(Object container, Object item) {
        return switch (container) {
            case String s -> {
                if (!(item instanceof String part)) {
                    throw TemplateException.of("'in <string>' requires string, not " + type(item));
                }
                yield s.contains(part);
            }
            case Map<?, ?> map -> map.containsKey(item);
            case null, default -> items(container).stream().anyMatch(i -> equal(i, item));
        };
    }

    /** What a loop runs over: items, characters, keys; nothing for what is undefined. */
    static List<?> items(Object value) {
        return switch (value) {
            case List<?> list -> list;
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String s -> Text.characters(s);
            case Undefined u -> List.of();
            case null, default -> throw TemplateException.of("'" + type(value) + "' object is not iterable");
        };
    }

    static long length(Object value) {
        return switch (value) {
            case String s -> Text.length(s);
            case Map<?, ?> map -> map.size();
            case List<?> list -> list.size();
            case Undefined u -> 0;
            case null, default -> throw TemplateException.of("object of type '" + type(value) + "' has no len()");
        };
    }

    static long integer(Object value) {
        return switch (value) {
            case Long n -> n;
            case Boolean b -> b ? 1 : 0;
            case Undefined u -> throw u.error();
            case null, default -> throw TemplateException.of("'" + type(value) + "' object where an integer is needed");
        };
    }

    static double decimal(Object value) {
        return value instanceof Double d ? d : integer(value);
    }

    /** The name of the value's type. */
    static String type(Object value) {
        return switch (value) {
            case null -> "NoneType";
            case Boolean b -> "bool";
            case Long n -> "int";
            case Double d -> "float";
            case String s -> "str";
            case Tuple t -> "tuple";
            case List<?> list -> "list";
            case Map<?, ?> map -> "dict";
            case Undefined u -> "Undefined";
            case Namespace n -> "Namespace";
            default -> "function";
        };
    }
}
