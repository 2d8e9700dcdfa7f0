package dev.outrider.checkpoints.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions a template finds: Jinja's own and those of Hugging Face transformers. */
final class Functions {
    private static final long MOST = 100_000;
    private static final Map<Character, String> DATES = Map.ofEntries(
            Map.entry('Y', "uuuu"),
            Map.entry('y', "uu"),
            Map.entry('m', "MM"),
            Map.entry('B', "MMMM"),
            Map.entry('b', "MMM"),
            Map.entry('d', "dd"),
            Map.entry('j', "DDD"),
            Map.entry('A', "EEEE"),
            Map.entry('a', "EEE"),
            Map.entry('H', "HH"),
            Map.entry('I', "hh"),
            Map.entry('M', "mm"),
            Map.entry('S', "ss"),
            Map.entry('p', "a"));

    private Functions() {}

    static void define(Scope scope, LocalDateTime now) {
        scope.set("range", (Callable) Functions::range);
        scope.set("dict", (Callable) with -> new LinkedHashMap<Object, Object>(with.named()));
        scope.set("namespace", (Callable) Functions::namespace);
        scope.set("raise_exception", (Callable) with -> {
            throw TemplateException.of(with.text(0, "message", ""));
        });
        scope.set("strftime_now", (Callable) with -> date(now, Python.text(with.required(0, "format"))));
    }

    private static Object range(Arguments with) {
        int given = with.positional().size();
        long from = given > 1 ? Python.integer(with.positional().get(0)) : 0;
        long to = Python.integer(with.required(given > 1 ? 1 : 0, "stop"));
        long step = given > 2 ? Python.integer(with.positional().get(2)) : 1;
        if (step == 0) throw TemplateException.of("range() arg 3 must not be zero");
        List<Object> out = new ArrayList<>();
        for (long i = from; step > 0 ? i < to : i > to; i += step) {
            if (out.size() == MOST)
                throw TemplateException.of("Range too big. The sandbox blocks ranges larger than " + MOST);
            out.add(i);
        }
        return out;
    }

    private static Object namespace(Arguments with) {
        Namespace out = new Namespace();
        if (!with.positional().isEmpty() && with.positional().getFirst() instanceof Map<?, ?> members) {
            members.forEach((key, value) -> out.members().put(Python.text(key), value));
        }
        out.members().putAll(with.named());
        return out;
    }

    private static String date(LocalDateTime now, String format) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            if (format.charAt(i) != '%' || i + 1 == format.length()) {
                out.append(format.charAt(i));
                continue;
            }
            boolean bare = format.charAt(i + 1) == '-' && i + 2 < format.length();
            char code = format.charAt(i += bare ? 2 : 1);
            String text = code == '%' ? "%" : date(now, code);
            out.append(bare ? text.replaceFirst("^0+(?=.)", "") : text);
        }
        return out.toString();
    }

    private static String date(LocalDateTime now, char code) {
        String pattern = DATES.get(code);
        if (pattern == null) throw TemplateException.of("the date format %" + code + " is not supported");
        return now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH));
    }

    /** Python's {@code format % values}, with %s, %d, %f, %r, %x and %%. */
    static String printf(String format, List<?> values) {
        StringBuilder out = new StringBuilder();
        var matcher = java.util.regex.Pattern.compile("%([-+ 0]*\\d*(?:\\.\\d+)?)([sdifrxX%])?")
                .matcher(format);
        int next = 0;
        while (matcher.find()) {
            if (matcher.group(2) == null) throw TemplateException.of("unsupported format in '" + format + "'");
            boolean percent = matcher.group(2).equals("%");
            if (!percent && next >= values.size()) throw TemplateException.of("not enough arguments for format string");
            String text =
                    percent ? "%" : printf(matcher.group(1), matcher.group(2).charAt(0), values.get(next++));
            matcher.appendReplacement(out, java.util.regex.Matcher.quoteReplacement(text));
            if (out.length() > Text.LONGEST) throw Text.tooLong();
        }
        if (next < values.size()) throw TemplateException.of("not all arguments converted during string formatting");
        return matcher.appendTail(out).toString();
    }

    private static String printf(String flags, char kind, Object value) {
        if (flags.length() > 6) throw TemplateException.of("unsupported format width " + flags);
        return switch (kind) {
            case 's' -> String.format(Locale.ROOT, "%" + flags + "s", Python.text(value));
            case 'r' -> String.format(Locale.ROOT, "%" + flags + "s", Python.represented(value));
            case 'f' -> String.format(Locale.ROOT, "%" + flags + "f", rounded(Python.decimal(value), places(flags)));
            case 'x', 'X' -> String.format(Locale.ROOT, "%" + flags + kind, Python.integer(value));
            default ->
                String.format(
                        Locale.ROOT,
                        "%" + flags + "d",
                        value instanceof Double d ? d.longValue() : Python.integer(value));
        };
    }

    private static int places(String flags) {
        int point = flags.indexOf('.');
        return point < 0 ? 6 : Integer.parseInt(flags.substring(point + 1));
    }

    /** The number's own value, not its shortest digits, rounded half to even. */
    static BigDecimal rounded(double value, int places) {
        if (!Double.isFinite(value)) throw TemplateException.of("cannot round " + Python.real(value));
        return new BigDecimal(value).setScale(places, RoundingMode.HALF_EVEN);
    }

    /** Python's {@code '{} {0} {name}'.format(..)}, without format specifications. */
    static String format(String format, Arguments with) {
        StringBuilder out = new StringBuilder();
        var matcher = java.util.regex.Pattern.compile("\\{\\{|}}|\\{([^{}]*)}").matcher(format);
        int next = 0;
        while (matcher.find()) {
            String field = matcher.group(1);
            String text =
                    field == null ? matcher.group().substring(1) : field(field.isEmpty() ? "" + next++ : field, with);
            matcher.appendReplacement(out, java.util.regex.Matcher.quoteReplacement(text));
            if (out.length() > Text.LONGEST) throw Text.tooLong();
        }
        return matcher.appendTail(out).toString();
    }

    private static String field(String field, Arguments with) {
        if (field.matches("\\d{1,4}")
                && Integer.parseInt(field) < with.positional().size()) {
            return Python.text(with.positional().get(Integer.parseInt(field)));
        }
        if (with.named().containsKey(field)) return Python.text(with.named().get(field));
        throw TemplateException.of("no value for the field '{" + field + "}'");
    }
}
