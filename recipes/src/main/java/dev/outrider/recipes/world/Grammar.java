package dev.outrider.recipes.world;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The rules of {@code world.grammar}: names and what may be said for them. The file explains its form. */
final class Grammar {
    /** Read once from the class path. */
    static final Grammar WORLD = new Grammar(read("world.grammar"));

    /** The same and what is said of pictures. */
    static final Grammar SIGHTS = new Grammar(read("world.grammar") + read("sights.grammar"));

    private final Map<String, List<String>> rules = new HashMap<>();

    private static String read(String resource) {
        try (InputStream in = Grammar.class.getResourceAsStream(resource);
                var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return reader.readAllAsString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Grammar(String text) {
        for (String line : text.replace("\n ", " ").lines().toList()) {
            if (line.isBlank() || line.startsWith("#")) continue;
            String[] parts = line.split(" = ", 2);
            List<String> alternatives = Arrays.stream(parts[1].split("\\|"))
                    .map(String::strip)
                    .map(s -> s.equals("-") ? "" : s)
                    .toList();
            if (rules.put(parts[0], alternatives) != null) throw new IllegalArgumentException(parts[0] + " twice");
        }
    }

    /** The alternatives of a rule, frequent ones first. */
    List<String> rule(String name) {
        List<String> alternatives = rules.get(name);
        if (alternatives == null) throw new IllegalArgumentException("no rule " + name);
        return alternatives;
    }

    /** The names of all rules. */
    Set<String> names() {
        return rules.keySet();
    }
}
