package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Typed access to a JSON object that names the file and the key in every error. null counts as absent. */
record Keys(String place, ObjectNode node) {
    boolean has(String key) {
        return node.hasNonNull(key);
    }

    /** A whole number above zero. */
    int positive(String key) {
        int value = whole(key);
        if (value > 0) return value;
        throw wrong(key, "a whole number above 0");
    }

    int positive(String key, int absent) {
        return has(key) ? positive(key) : absent;
    }

    int whole(String key) {
        JsonNode value = required(key);
        if (value.isIntegralNumber() && value.canConvertToInt()) return value.intValue();
        throw wrong(key, "a whole number");
    }

    /** A finite number above zero. */
    double number(String key) {
        JsonNode value = required(key);
        if (value.isNumber() && value.doubleValue() > 0 && Double.isFinite(value.doubleValue()))
            return value.doubleValue();
        throw wrong(key, "a number above 0");
    }

    double number(String key, double absent) {
        return has(key) ? number(key) : absent;
    }

    /** A list of finite numbers above zero. */
    List<Double> numbers(String key) {
        List<Double> numbers = new ArrayList<>();
        for (JsonNode one : required(key)) {
            if (!one.isNumber() || !(one.doubleValue() > 0)) throw wrong(key, "a list of numbers above 0");
            numbers.add(one.doubleValue());
        }
        return numbers;
    }

    boolean flag(String key, boolean absent) {
        if (!has(key)) return absent;
        if (node.get(key).isBoolean()) return node.get(key).booleanValue();
        throw wrong(key, "true or false");
    }

    Optional<String> text(String key) {
        if (!has(key)) return Optional.empty();
        if (node.get(key).isTextual()) return Optional.of(node.get(key).textValue());
        throw wrong(key, "a string");
    }

    Optional<Keys> object(String key) {
        if (!has(key)) return Optional.empty();
        if (node.get(key) instanceof ObjectNode object) return Optional.of(new Keys(place + ", key " + key, object));
        throw wrong(key, "an object");
    }

    /** One token id or a list of them; empty for null. Negative ids mean none. */
    List<Integer> ids(String key, int vocabSize) {
        if (!has(key)) return List.of();
        List<Integer> ids = new ArrayList<>();
        for (JsonNode one : node.get(key).isArray() ? node.get(key) : List.of(node.get(key))) {
            if (!one.isIntegralNumber() || !one.canConvertToInt() || one.intValue() >= vocabSize) {
                throw wrong(key, "token ids below the vocabulary's " + vocabSize);
            }
            if (one.intValue() >= 0) ids.add(one.intValue());
        }
        return ids;
    }

    Failure wrong(String key, String expected) {
        return wrong(key, expected, "Correct the file, or get it again.");
    }

    Failure wrong(String key, String expected, String remedy) {
        return Failure.data(place + ", key " + key, node.path(key).toString(), expected, remedy);
    }

    private JsonNode required(String key) {
        if (has(key)) return node.get(key);
        throw Failure.data(place, "no key " + key, "this key", "Correct the file, or get it again.");
    }
}
