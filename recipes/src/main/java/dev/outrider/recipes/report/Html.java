package dev.outrider.recipes.report;

import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Text into HTML. */
final class Html {
    private Html() {}

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    /** The first row of a table, its cells escaped. */
    static String header(String... cells) {
        return "<tr>" + cells("th", cells) + "</tr>\n";
    }

    /** A row of a table, its cells escaped. */
    static String row(boolean strong, String... cells) {
        return (strong ? "<tr class=\"all\">" : "<tr>") + cells("td", cells) + "</tr>\n";
    }

    private static String cells(String tag, String... cells) {
        return Stream.of(cells)
                .map(c -> "<" + tag + ">" + escape(c) + "</" + tag + ">")
                .collect(Collectors.joining());
    }

    /** Numbers with a point, wherever the machine stands. */
    static String figure(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
