package dev.outrider.recipes;

import dev.outrider.checkpoints.Failure;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Binds a YAML tree to records: the records are the only list of keys there is. Keys are written in
 * snake_case, unknown ones are errors, defaults stand in {@link Key}. Goes on after a problem, so that all
 * are found.
 */
final class Binder {
    private final Problems problems;

    Binder(Problems problems) {
        this.problems = problems;
    }

    /** The record, or null if a problem was found in it. */
    <T extends Record> T bind(Class<T> type, Yaml node, String path) {
        if (!(node instanceof Yaml.Mapping mapping)) {
            problems.add(node.place(), "'" + text(node) + "' for " + path, "a section with keys", keys(type));
            return null;
        }
        RecordComponent[] components = type.getRecordComponents();
        rejectUnknown(mapping, components, path);
        Object[] values = new Object[components.length];
        boolean whole = true;
        for (int i = 0; i < components.length; i++) {
            values[i] = component(mapping, components[i], path);
            whole &= values[i] != null;
        }
        return whole ? construct(type, components, values, mapping) : null;
    }

    private void rejectUnknown(Yaml.Mapping mapping, RecordComponent[] components, String path) {
        List<String> known =
                Arrays.stream(components).map(c -> snake(c.getName())).toList();
        for (String key : mapping.entries().keySet()) {
            if (known.contains(key)) continue;
            String nearest = known.stream()
                    .min(Comparator.comparingInt(k -> distance(k, key)))
                    .orElseThrow();
            String hint = distance(nearest, key) <= Math.min(3, key.length() / 2)
                    ? "Did you mean '" + nearest + "'?"
                    : "Remove it.";
            problems.add(
                    mapping.places().getOrDefault(key, mapping.place()),
                    "unknown key '" + join(path, key) + "'",
                    "one of " + String.join(", ", known),
                    hint);
        }
    }

    private Object component(Yaml.Mapping mapping, RecordComponent c, String path) {
        String name = snake(c.getName()), full = join(path, name);
        Key key = c.getAnnotation(Key.class);
        Yaml node = mapping.entries().get(name);
        if (node == null || node instanceof Yaml.Scalar s && s.text().isEmpty()) return absent(mapping, c, key, full);
        return value(c.getGenericType(), node, full, key);
    }

    private Object absent(Yaml.Mapping mapping, RecordComponent c, Key key, String full) {
        if (c.getType() == Optional.class) return Optional.empty();
        if (key == null || key.value().isEmpty()) {
            if (c.getType().isRecord() && mapping != null) return bind(recordType(c.getType()), none(mapping), full);
            problems.add(mapping.place(), "no '" + full + "'", "a value", "Add it: it has no default.");
            return null;
        }
        Yaml fallback = Yaml.parse("value: " + key.value(), problems).entries().get("value");
        return value(c.getGenericType(), fallback, full, key);
    }

    // A section left out is bound as an empty one: its keys' defaults, or a complaint about those without.
    private static Yaml.Mapping none(Yaml.Mapping parent) {
        return new Yaml.Mapping(new LinkedHashMap<>(), new LinkedHashMap<>(), parent.place());
    }

    private Object value(Type type, Yaml node, String path, Key key) {
        if (type instanceof ParameterizedType p) return generic(p, node, path, key);
        Class<?> plain = (Class<?>) type;
        if (plain.isRecord()) return bind(recordType(plain), node, path);
        if (!(node instanceof Yaml.Scalar scalar)) {
            problems.add(node.place(), "several values for " + path, "one " + describe(plain), "Write a single value.");
            return null;
        }
        try {
            return inRange(scalar(plain, scalar.text().strip()), key, scalar, path);
        } catch (IllegalArgumentException e) {
            problems.add(scalar.place(), "'" + scalar.text() + "' for " + path, describe(plain), "Correct the value.");
            return null;
        }
    }

    private Object generic(ParameterizedType type, Yaml node, String path, Key key) {
        Type inner = type.getActualTypeArguments()[type.getRawType() == Map.class ? 1 : 0];
        if (type.getRawType() == Optional.class) {
            return Optional.ofNullable(value(inner, node, path, key));
        }
        if (type.getRawType() == Map.class) return map(node, path);
        List<Object> out = new ArrayList<>();
        List<Yaml> items = node instanceof Yaml.Sequence s ? s.items() : List.of(node);
        for (Yaml item : items) {
            Object value = value(inner, item, path, key);
            if (value == null) return null;
            out.add(value);
        }
        return List.copyOf(out);
    }

    private Map<String, String> map(Yaml node, String path) {
        Map<String, String> out = new LinkedHashMap<>();
        if (node instanceof Yaml.Mapping mapping) {
            mapping.entries().forEach((k, v) -> out.put(k, text(v)));
            return out;
        }
        problems.add(node.place(), "'" + text(node) + "' for " + path, "keys with values", "Write 'key: value' lines.");
        return null;
    }

    private Object inRange(Object value, Key key, Yaml.Scalar node, String path) {
        if (key == null || !(value instanceof Number n)) return value;
        if (Double.isFinite(n.doubleValue()) && n.doubleValue() >= key.min() && n.doubleValue() <= key.max())
            return value;
        String range = key.max() == Double.POSITIVE_INFINITY
                ? "at least " + plain(key.min())
                : plain(key.min()) + " to " + plain(key.max());
        problems.add(node.place(), node.text() + " for " + path, range, "Correct the value.");
        return null;
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    private static Object scalar(Class<?> type, String text) {
        if (type == String.class) return text;
        if (type == Path.class) return Path.of(text);
        if (type == int.class || type == Integer.class) return Math.toIntExact(whole(text));
        if (type == long.class) return whole(text);
        if (type == double.class || type == Double.class) return Double.parseDouble(text);
        if (type == boolean.class) return bool(text);
        for (Object constant : type.getEnumConstants()) {
            if (spelling(constant).equals(text)) return constant;
        }
        throw new IllegalArgumentException();
    }

    private static long whole(String text) {
        try {
            return new java.math.BigDecimal(text.replace("_", "")).longValueExact();
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static boolean bool(String text) {
        if (text.equals("true") || text.equals("false")) return text.equals("true");
        throw new IllegalArgumentException();
    }

    private static String describe(Class<?> type) {
        if (type.isEnum()) {
            return "one of "
                    + Arrays.stream(type.getEnumConstants())
                            .map(Binder::spelling)
                            .collect(Collectors.joining(", "));
        }
        if (type == int.class || type == long.class || type == Integer.class) return "a whole number";
        if (type == double.class || type == Double.class) return "a number";
        return type == boolean.class ? "true or false" : "text";
    }

    /** How an enum constant is written in a recipe: its toString, by default lower case. */
    static String spelling(Object constant) {
        String text = constant.toString();
        return text.equals(((Enum<?>) constant).name()) ? text.toLowerCase(Locale.ROOT) : text;
    }

    private <T extends Record> T construct(
            Class<T> type, RecordComponent[] components, Object[] values, Yaml.Mapping mapping) {
        try {
            Class<?>[] types =
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
            var constructor = type.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Failure failure)) throw new IllegalStateException(e.getCause());
            problems.add(mapping.place(), failure.getMessage(), "settings that fit together", "");
            return null;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("unchecked")
    private static Class<? extends Record> recordType(Class<?> type) {
        return (Class<? extends Record>) type;
    }

    private static String keys(Class<?> type) {
        return "Its keys are "
                + Arrays.stream(type.getRecordComponents())
                        .map(c -> snake(c.getName()))
                        .collect(Collectors.joining(", "))
                + ".";
    }

    private static String text(Yaml node) {
        return switch (node) {
            case Yaml.Scalar s -> s.text();
            case Yaml.Sequence s -> s.items().stream().map(Binder::text).collect(Collectors.joining(", ", "[", "]"));
            case Yaml.Mapping m -> m.entries().keySet().toString();
        };
    }

    private static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    static String snake(String camel) {
        return camel.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }

    // Levenshtein's edit distance, for "did you mean".
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) row[j] = j;
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                int same = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(same, Math.min(above, row[j - 1]) + 1);
                diagonal = above;
            }
        }
        return row[b.length()];
    }
}
