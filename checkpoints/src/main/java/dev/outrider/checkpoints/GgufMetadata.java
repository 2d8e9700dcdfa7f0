package dev.outrider.checkpoints;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The key/value pairs of a GGUF file, by key and type. A key that is absent gives an empty answer, one of
 * another type is an error that names file and key. Integers of any width are integers here, floats of any
 * width numbers.
 */
public final class GgufMetadata {
    private final String place;
    private final Map<String, GgufValue> values;

    /** @param values in the file's order */
    GgufMetadata(String place, Map<String, GgufValue> values) {
        this.place = place;
        this.values = values;
    }

    /**
     * Reads the header of a file and nothing else of it.
     *
     * @throws Failure DATA naming file, key and offset where it is absent or malformed
     */
    public static GgufMetadata read(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            return gguf.metadata();
        }
    }

    /** In the file's order. */
    public Set<String> keys() {
        return Collections.unmodifiableSet(values.keySet());
    }

    public boolean has(String key) {
        return values.containsKey(key);
    }

    public Optional<String> text(String key) {
        if (!has(key)) return Optional.empty();
        if (values.get(key) instanceof GgufValue.Text text) return Optional.of(text.value());
        throw wrong(key, "a string");
    }

    /** An integer that an int can hold. */
    public Optional<Integer> integer(String key) {
        if (!has(key)) return Optional.empty();
        if (values.get(key) instanceof GgufValue.Whole whole && isInt(whole.value())) {
            return Optional.of((int) whole.value());
        }
        throw wrong(key, "an integer of 32 bits");
    }

    /** A float or an integer. */
    public Optional<Double> number(String key) {
        return switch (values.get(key)) {
            case null -> Optional.empty();
            case GgufValue.Real real -> Optional.of(real.value());
            case GgufValue.Whole whole -> Optional.of((double) whole.value());
            default -> throw wrong(key, "a number");
        };
    }

    public Optional<Boolean> flag(String key) {
        if (!has(key)) return Optional.empty();
        if (values.get(key) instanceof GgufValue.Flag flag) return Optional.of(flag.value());
        throw wrong(key, "true or false");
    }

    public Optional<List<String>> strings(String key) {
        if (!has(key)) return Optional.empty();
        if (values.get(key) instanceof GgufValue.Texts texts) return Optional.of(texts.values());
        throw wrong(key, "a list of strings");
    }

    public Optional<float[]> floats(String key) {
        if (!has(key)) return Optional.empty();
        if (!(values.get(key) instanceof GgufValue.Reals reals)) throw wrong(key, "a list of floats");
        float[] floats = new float[reals.values().length];
        for (int i = 0; i < floats.length; i++) floats[i] = (float) reals.values()[i];
        return Optional.of(floats);
    }

    /** Integers that ints can hold. */
    public Optional<int[]> integers(String key) {
        if (!has(key)) return Optional.empty();
        if (!(values.get(key) instanceof GgufValue.Wholes wholes)) throw wrong(key, "a list of integers");
        int[] integers = new int[wholes.values().length];
        for (int i = 0; i < integers.length; i++) {
            if (!isInt(wholes.values()[i])) throw wrong(key, "a list of integers of 32 bits");
            integers[i] = (int) wholes.values()[i];
        }
        return Optional.of(integers);
    }

    /** A look-up that has to find something. */
    public <T> T required(String key, Optional<T> found) {
        return found.orElseThrow(() -> refused(key, "no such key", "this key"));
    }

    /** The value for a reader: short ones as they are, of long ones the size. Key must be present. */
    public String brief(String key) {
        return values.get(key).brief();
    }

    /** An error about a value, naming file, key and what is there. */
    public Failure wrong(String key, String expected) {
        return refused(key, has(key) ? brief(key) : "no such key", expected);
    }

    private Failure refused(String key, String found, String expected) {
        return Failure.data(place + ", key " + key, found, expected, "Get the file again, or convert the model anew.");
    }

    private static boolean isInt(long value) {
        return value == (int) value;
    }

    GgufValue value(String key) {
        return values.get(key);
    }
}
