package dev.outrider.recipes;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A YAML document as a tree that remembers where everything stands. */
sealed interface Yaml {
    /** Where it stands: "line 12", or the override that set it. */
    String place();

    record Scalar(String text, String place) implements Yaml {}

    record Sequence(List<Yaml> items, String place) implements Yaml {}

    record Mapping(Map<String, Yaml> entries, Map<String, String> places, String place) implements Yaml {}

    /** Parses; a syntax error or a key given twice goes to problems. */
    static Mapping parse(String text, Problems problems) {
        try (JsonParser parser = new YAMLFactory().createParser(text)) {
            JsonToken token = parser.nextToken();
            if (token == null) return empty();
            if (read(parser, problems) instanceof Mapping mapping) return mapping;
            problems.add("line 1", "not a mapping", "sections such as 'draft:'", "Begin with 'name: ...'.");
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
            problems.add(
                    "line " + line,
                    "bad YAML (" + e.getOriginalMessage().lines().findFirst().orElse("") + ")",
                    "YAML",
                    "Correct the syntax: mind indentation, colons and quotes.");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return empty();
    }

    private static Mapping empty() {
        return new Mapping(new LinkedHashMap<>(), new LinkedHashMap<>(), "line 1");
    }

    private static Yaml read(JsonParser parser, Problems problems) throws IOException {
        String place = place(parser);
        return switch (parser.currentToken()) {
            case START_OBJECT -> mapping(parser, place, problems);
            case START_ARRAY -> {
                List<Yaml> items = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) items.add(read(parser, problems));
                yield new Sequence(items, place);
            }
            case VALUE_NULL -> new Scalar("", place);
            default -> new Scalar(substitute(parser.getText()), place);
        };
    }

    private static Mapping mapping(JsonParser parser, String place, Problems problems) throws IOException {
        Map<String, Yaml> entries = new LinkedHashMap<>();
        Map<String, String> places = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName(), keyPlace = place(parser);
            parser.nextToken();
            Yaml value = read(parser, problems);
            if (entries.put(key, value) != null) {
                problems.add(keyPlace, "key '" + key + "' a second time", "each key once", "Remove one of them.");
            }
            places.put(key, keyPlace);
        }
        return new Mapping(entries, places, place);
    }

    private static String place(JsonParser parser) {
        return "line " + parser.currentTokenLocation().getLineNr();
    }

    /** Replaces ${NAME:-default} by the environment's value. */
    private static String substitute(String text) {
        Matcher m = Pattern.compile("\\$\\{(\\w+)(?::-([^}]*))?}").matcher(text);
        return m.replaceAll(r -> {
            String value = System.getenv(r.group(1));
            return Matcher.quoteReplacement(value != null ? value : r.group(2) == null ? "" : r.group(2));
        });
    }

    /** Sets section.key to a value, making sections on the way. */
    static void override(Mapping root, String assignment, Problems problems) {
        int eq = assignment.indexOf('=');
        String place = "override '" + assignment + "'";
        if (eq < 1) {
            problems.add(place, "no '='", "section.key=value", "Write for example pretrain.steps=100.");
            return;
        }
        String[] path = assignment.substring(0, eq).split("\\.");
        Mapping at = root;
        for (int i = 0; i < path.length - 1; i++) {
            Yaml next = at.entries()
                    .computeIfAbsent(path[i], k -> new Mapping(new LinkedHashMap<>(), new LinkedHashMap<>(), place));
            if (!(next instanceof Mapping mapping)) {
                problems.add(place, "'" + path[i] + "' is no section", "section.key=value", "Check the key's path.");
                return;
            }
            at.places().putIfAbsent(path[i], place);
            at = mapping;
        }
        String key = path[path.length - 1];
        Mapping parsed = parse("value: " + assignment.substring(eq + 1), problems);
        at.entries().put(key, relocate(parsed.entries().getOrDefault("value", new Scalar("", place)), place));
        at.places().put(key, place);
    }

    private static Yaml relocate(Yaml node, String place) {
        return switch (node) {
            case Scalar s -> new Scalar(s.text(), place);
            case Sequence s ->
                new Sequence(s.items().stream().map(n -> relocate(n, place)).toList(), place);
            case Mapping m -> {
                Map<String, Yaml> entries = new LinkedHashMap<>();
                Map<String, String> places = new LinkedHashMap<>();
                m.entries().forEach((k, v) -> {
                    entries.put(k, relocate(v, place));
                    places.put(k, place);
                });
                yield new Mapping(entries, places, place);
            }
        };
    }
}
