package dev.outrider.checkpoints.jinja;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** JSON as {@code json.dumps} of Python writes it: no HTML escaping, and other letters as they are unless asked. */
final class JsonText {
    private final StringBuilder out = new StringBuilder();
    private final String indent;
    private final String comma;
    private final String colon;
    private final boolean sorted;
    private final boolean ascii;

    private JsonText(String indent, String comma, String colon, boolean sorted, boolean ascii) {
        this.indent = indent;
        this.comma = comma;
        this.colon = colon;
        this.sorted = sorted;
        this.ascii = ascii;
    }

    /** The filter, with the arguments ensure_ascii, indent, separators, sort_keys. */
    static String of(Object value, Arguments arguments) {
        Object indent = arguments.value(1, "indent", null);
        Object separators = arguments.value(2, "separators", null);
        String comma = indent == null ? ", " : ",", colon = ": ";
        if (separators instanceof List<?> pair && pair.size() == 2) {
            comma = Python.text(pair.get(0));
            colon = Python.text(pair.get(1));
        }
        String step =
                indent == null ? null : indent instanceof String s ? s : Text.repeated(" ", Python.integer(indent));
        JsonText text = new JsonText(
                step, comma, colon, arguments.flag(3, "sort_keys", false), arguments.flag(0, "ensure_ascii", false));
        text.write(value, 0);
        return text.out.toString();
    }

    private void write(Object value, int depth) {
        if (out.length() > Text.LONGEST) throw Text.tooLong();
        switch (value) {
            case null -> out.append("null");
            case Boolean b -> out.append(b);
            case Long n -> out.append(n);
            case Double d ->
                out.append(d.isNaN() ? "NaN" : d.isInfinite() ? (d > 0 ? "Infinity" : "-Infinity") : Python.real(d));
            case String s -> string(s);
            case List<?> list -> list(list, depth);
            case Map<?, ?> map -> object(map, depth);
            default -> throw TemplateException.of("Object of type " + Python.type(value) + " is not JSON serializable");
        }
    }

    private void list(List<?> list, int depth) {
        out.append('[');
        for (int i = 0; i < list.size(); i++) {
            between(i == 0, depth + 1);
            write(list.get(i), depth + 1);
        }
        end(list.isEmpty(), depth);
        out.append(']');
    }

    private void object(Map<?, ?> map, int depth) {
        Map<Object, Object> members = sorted ? new TreeMap<>(Python::compare) : new java.util.LinkedHashMap<>();
        members.putAll(map);
        out.append('{');
        boolean first = true;
        for (Map.Entry<Object, Object> member : members.entrySet()) {
            between(first, depth + 1);
            string(key(member.getKey()));
            out.append(colon);
            write(member.getValue(), depth + 1);
            first = false;
        }
        end(first, depth);
        out.append('}');
    }

    private static String key(Object key) {
        if (key instanceof String s) return s;
        return key == null ? "null" : key instanceof Boolean b ? b.toString() : Python.text(key);
    }

    private void between(boolean first, int depth) {
        if (!first) out.append(comma);
        newLine(depth);
    }

    private void end(boolean empty, int depth) {
        if (!empty) newLine(depth);
    }

    private void newLine(int depth) {
        if (indent != null) out.append('\n').append(Text.repeated(indent, depth));
    }

    private void string(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int simple = "\"\\\n\r\t\b\f".indexOf(c);
            if (simple >= 0) out.append('\\').append("\"\\nrtbf".charAt(simple));
            else if (c < 0x20 || ascii && c > 0x7e) out.append("\\u%04x".formatted((int) c));
            else out.append(c);
        }
        out.append('"');
    }
}
