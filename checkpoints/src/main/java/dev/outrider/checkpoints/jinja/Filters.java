package dev.outrider.checkpoints.jinja;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The filters of Jinja that have a use in text; {@code tojson} as Hugging Face transformers replaces it. */
final class Filters {
    private Filters() {}

    static Object apply(String name, Object value, Arguments with) {
        return switch (name) {
            case "default", "d" -> otherwise(value, with);
            case "length", "count" -> Python.length(value);
            case "string" -> Python.text(value);
            case "safe" -> Python.text(value);
            case "int", "float", "abs", "round" -> Numbers.filter(name, value, with);
            case "tojson" -> JsonText.of(value, with);
            case "items" -> value instanceof Undefined ? List.of() : Methods.items(value);
            case "attr" -> Members.attribute(value, Python.text(with.required(0, "name")));
            case "list",
                    "first",
                    "last",
                    "reverse",
                    "sort",
                    "unique",
                    "min",
                    "max",
                    "sum",
                    "join",
                    "batch",
                    "slice",
                    "dictsort",
                    "groupby" -> Sequences.filter(name, value, with);
            case "map" -> mapped(value, with);
            case "select", "reject" -> selected(value, with, 0, name.equals("select"), false);
            case "selectattr", "rejectattr" -> selected(value, with, 1, name.equals("selectattr"), true);
            default -> text(name, Python.text(value), with);
        };
    }

    private static Object text(String name, String text, Arguments with) {
        return switch (name) {
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "capitalize" -> Text.capitalised(text);
            case "title" -> Text.titled(text);
            case "trim" -> Text.strip(text, with.text(0, "chars", null));
            case "escape", "e", "forceescape" -> Text.bounded(Text.escaped(text));
            case "replace" ->
                Text.replace(
                        text, Python.text(with.required(0, "old")), Python.text(with.required(1, "new")), most(with));
            case "format" -> Functions.printf(text, with.positional());
            case "indent" -> indented(text, with);
            case "truncate" -> truncated(text, with);
            case "center" -> Methods.padded(text, with.integer(0, "width", 80), " ", 2);
            case "wordcount" -> (long) Text.split(text, null, -1).size();
            case "urlencode" ->
                java.net.URLEncoder.encode(text, java.nio.charset.StandardCharsets.UTF_8)
                        .replace("+", "%20")
                        .replace("%2F", "/");
            default -> throw TemplateException.of("No filter named '" + name + "'");
        };
    }

    private static long most(Arguments with) {
        Object count = with.value(2, "count", null);
        return count == null ? -1 : Python.integer(count);
    }

    private static Object otherwise(Object value, Arguments with) {
        boolean absent = value instanceof Undefined || with.flag(1, "boolean", false) && !Python.truth(value);
        return absent ? with.value(0, "default_value", "") : value;
    }

    private static String indented(String text, Arguments with) {
        Object width = with.value(0, "width", 4L);
        String by = width instanceof String s ? s : Text.repeated(" ", Python.integer(width));
        boolean first = with.flag(1, "first", false), blank = with.flag(2, "blank", false);
        StringBuilder out = new StringBuilder();
        String[] lines = text.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            if (i > 0) out.append('\n');
            if (i == 0 ? first : blank || !lines[i].isEmpty()) out.append(by);
            if (out.length() > Text.LONGEST) throw Text.tooLong();
            out.append(lines[i]);
        }
        return out.toString();
    }

    private static String truncated(String text, Arguments with) {
        int length = (int) with.integer(0, "length", 255), leeway = (int) with.integer(3, "leeway", 5);
        String end = with.text(2, "end", "...");
        if (Text.length(text) <= length + leeway) return text;
        int keep = Math.max(0, length - Text.length(end));
        String cut = text.substring(0, text.offsetByCodePoints(0, keep));
        int space = with.flag(1, "killwords", false) ? -1 : cut.lastIndexOf(' ');
        return (space < 0 ? cut : cut.substring(0, space)) + end;
    }

    private static Object mapped(Object value, Arguments with) {
        List<Object> out = new ArrayList<>();
        if (!Python.truth(value)) return out;
        for (Object item : Python.items(value)) out.add(mappedItem(item, with));
        return out;
    }

    private static Object mappedItem(Object item, Arguments with) {
        if (with.positional().isEmpty()) {
            Object found = Members.path(item, Python.text(with.required(0, "attribute")));
            return found instanceof Undefined && with.named().containsKey("default")
                    ? with.named().get("default")
                    : found;
        }
        return apply(Python.text(with.positional().getFirst()), item, rest(with, 1));
    }

    private static Arguments rest(Arguments with, int from) {
        return new Arguments(with.positional().subList(from, with.positional().size()), with.named());
    }

    // at: the place of the test's name among the arguments; before it the attribute's, if there is one.
    private static Object selected(Object value, Arguments with, int at, boolean wanted, boolean attribute) {
        List<Object> out = new ArrayList<>();
        if (!Python.truth(value)) return out;
        for (Object item : Python.items(value)) {
            Object tested = attribute ? Members.path(item, Python.text(with.required(0, "attribute"))) : item;
            boolean holds = with.positional().size() <= at
                    ? Python.truth(tested)
                    : Tests.holds(Python.text(with.positional().get(at)), tested, rest(with, at + 1));
            if (holds == wanted) out.add(item);
        }
        return out;
    }

    /** Filters of numbers. */
    private static final class Numbers {
        static Object filter(String name, Object value, Arguments with) {
            return switch (name) {
                case "abs" ->
                    value instanceof Double d ? (Object) Math.abs(d) : (Object) Math.abs(Python.integer(value));
                case "round" -> round(Python.decimal(value), with);
                case "int" -> whole(value, with);
                default -> real(value, with);
            };
        }

        private static double round(double value, Arguments with) {
            int places = Math.clamp(with.integer(0, "precision", 0), -300, 300);
            double scale = Math.pow(10, places);
            return switch (with.text(1, "method", "common")) {
                case "ceil" -> Math.ceil(value * scale) / scale;
                case "floor" -> Math.floor(value * scale) / scale;
                default -> Functions.rounded(value, places).doubleValue();
            };
        }

        private static Object whole(Object value, Arguments with) {
            try {
                if (value instanceof String s) {
                    return Long.parseLong(Text.strip(s, null), (int) with.integer(1, "base", 10));
                }
                return value instanceof Double d ? (Object) d.longValue() : (Object) Python.integer(value);
            } catch (NumberFormatException e) {
                if (real(value, Arguments.NONE) instanceof Double d && d != 0) return d.longValue();
                return with.value(0, "default", 0L);
            } catch (TemplateException e) {
                return with.value(0, "default", 0L);
            }
        }

        private static Object real(Object value, Arguments with) {
            try {
                return value instanceof String s ? (Object) Double.parseDouble(s) : (Object) Python.decimal(value);
            } catch (NumberFormatException | TemplateException e) {
                return with.value(0, "default", 0.0);
            }
        }
    }

    /** Filters of lists. */
    private static final class Sequences {
        static Object filter(String name, Object value, Arguments with) {
            List<?> items = Python.items(value);
            return switch (name) {
                case "list" -> new ArrayList<>(items);
                case "first" ->
                    items.isEmpty() ? new Undefined("No first item, sequence was empty.") : items.getFirst();
                case "last" -> items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.getLast();
                case "reverse" ->
                    value instanceof String s ? new StringBuilder(s).reverse().toString() : items.reversed();
                case "join" -> joined(items, with);
                case "sum" -> sum(items, with);
                case "batch" -> batches(items, (int) with.integer(0, "linecount", 1), with);
                case "slice" -> slices(items, (int) with.integer(0, "slices", 1));
                case "dictsort" -> byKey(value, with);
                case "groupby" -> groups(items, with);
                default -> ordered(name, items, with);
            };
        }

        private static Object ordered(String name, List<?> items, Arguments with) {
            Comparator<Object> order = order(name, with);
            List<Object> sorted = new ArrayList<>(items);
            switch (name) {
                case "sort" -> sorted.sort(with.flag(0, "reverse", false) ? order.reversed() : order);
                case "unique" -> {
                    return unique(items, order);
                }
                default -> {
                    if (items.isEmpty()) return new Undefined("No aggregated item, sequence was empty.");
                    return name.equals("min") ? sorted.stream().min(order).orElseThrow() : largest(sorted, order);
                }
            }
            return sorted;
        }

        // The first of equals, as Python's max.
        private static Object largest(List<Object> items, Comparator<Object> order) {
            Object best = items.getFirst();
            for (Object item : items) if (order.compare(item, best) > 0) best = item;
            return best;
        }

        private static Comparator<Object> order(String name, Arguments with) {
            int place = name.equals("sort") ? 1 : 0;
            boolean cased = with.flag(place, "case_sensitive", false);
            String attribute = with.text(place + 1, "attribute", null);
            return (a, b) -> Python.compare(key(a, attribute, cased), key(b, attribute, cased));
        }

        private static Object key(Object item, String attribute, boolean cased) {
            Object key = attribute == null ? item : Members.path(item, attribute);
            return key instanceof String s && !cased ? s.toLowerCase(Locale.ROOT) : key;
        }

        private static Object unique(List<?> items, Comparator<Object> order) {
            List<Object> out = new ArrayList<>();
            for (Object item : items) {
                if (out.stream().noneMatch(kept -> order.compare(kept, item) == 0)) out.add(item);
            }
            return out;
        }

        private static String joined(List<?> items, Arguments with) {
            String between = with.text(0, "d", ""), attribute = with.text(1, "attribute", null);
            StringBuilder out = new StringBuilder();
            for (int i = 0; i < items.size(); i++) {
                if (i > 0) out.append(between);
                out.append(Python.text(attribute == null ? items.get(i) : Members.path(items.get(i), attribute)));
                if (out.length() > Text.LONGEST) throw Text.tooLong();
            }
            return out.toString();
        }

        private static Object sum(List<?> items, Arguments with) {
            String attribute = with.text(0, "attribute", null);
            Object sum = with.value(1, "start", 0L);
            for (Object item : items) {
                sum = Arithmetic.apply("+", sum, attribute == null ? item : Members.path(item, attribute));
            }
            return sum;
        }

        private static Object batches(List<?> items, int size, Arguments with) {
            if (size < 1) throw TemplateException.of("batches of " + size);
            List<Object> out = new ArrayList<>();
            for (int at = 0; at < items.size(); at += size) {
                List<Object> batch = new ArrayList<>(items.subList(at, Math.min(items.size(), at + size)));
                while (with.has(1, "fill_with") && batch.size() < size) batch.add(with.value(1, "fill_with", null));
                out.add(batch);
            }
            return out;
        }

        private static Object slices(List<?> items, int count) {
            if (count < 1 || count > Math.max(1, items.size())) throw TemplateException.of(count + " slices");
            List<Object> out = new ArrayList<>();
            int each = items.size() / count, more = items.size() % count, at = 0;
            for (int i = 0; i < count; i++) {
                int end = at + each + (i < more ? 1 : 0);
                out.add(new ArrayList<>(items.subList(at, end)));
                at = end;
            }
            return out;
        }

        private static Object byKey(Object value, Arguments with) {
            int by = with.text(1, "by", "key").equals("value") ? 1 : 0;
            boolean cased = with.flag(0, "case_sensitive", false);
            Comparator<Object> order = (a, b) ->
                    Python.compare(key(((List<?>) a).get(by), null, cased), key(((List<?>) b).get(by), null, cased));
            List<Object> pairs = new ArrayList<>(Methods.items(value));
            pairs.sort(with.flag(2, "reverse", false) ? order.reversed() : order);
            return pairs;
        }

        private static Object groups(List<?> items, Arguments with) {
            String attribute = Python.text(with.required(0, "attribute"));
            List<Object> sorted = new ArrayList<>(items);
            sorted.sort((a, b) -> Python.compare(key(a, attribute, false), key(b, attribute, false)));
            Map<Object, List<Object>> groups = new LinkedHashMap<>();
            for (Object item : sorted) {
                groups.computeIfAbsent(Members.path(item, attribute), k -> new ArrayList<>())
                        .add(item);
            }
            List<Object> out = new ArrayList<>();
            groups.forEach((key, group) -> out.add(Tuple.of(key, group)));
            return out;
        }
    }
}
