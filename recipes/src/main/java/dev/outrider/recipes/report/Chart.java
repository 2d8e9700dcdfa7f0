package dev.outrider.recipes.report;

import java.util.List;
import java.util.Locale;

/** A line chart as inline SVG: axes with round ticks, one colour a curve, a legend. */
final class Chart {
    private static final int WIDTH = 460, HEIGHT = 260, LEFT = 52, RIGHT = 12, TOP = 30, BOTTOM = 40;
    static final int LEGEND_WIDTH = 400, LEGEND_HEIGHT = 12;
    private static final int SHORT = 13;
    private static final String[] COLOURS = {
        "#0b6e4f", "#c8553d", "#3d5a80", "#8d6a9f", "#b08900", "#5c677d", "#2a9d8f", "#d6719a", "#7f5539", "#14213d"
    };

    private final String title;
    private final String xLabel;
    private final List<Curve> curves;
    private final int columns;
    private final int top;
    private final double[] x;
    private final double[] y;

    private Chart(String title, String xLabel, List<Curve> curves, double baseline) {
        this.title = title;
        this.xLabel = xLabel;
        this.curves = curves.stream().filter(c -> !c.points().isEmpty()).toList();
        this.columns = columns(this.curves.stream().map(Curve::name).toList());
        this.top = TOP + Math.max(0, this.curves.size() - 1) / columns * LEGEND_HEIGHT;
        this.x = range(0, Double.NaN);
        this.y = range(1, baseline);
    }

    /** @param baseline a value that the y axis must show and that gets a dashed line; NaN for none */
    static String svg(String title, String xLabel, List<Curve> curves, double baseline) {
        Chart chart = new Chart(title, xLabel, curves, baseline);
        return chart.curves.isEmpty() ? "" : chart.draw(baseline);
    }

    /** How many names fit side by side into a legend. */
    static int columns(List<String> names) {
        return names.stream().allMatch(n -> n.length() <= SHORT) ? 4 : 2;
    }

    private double[] range(int axis, double include) {
        double low = Double.isNaN(include) ? Double.POSITIVE_INFINITY : include;
        double high = Double.isNaN(include) ? Double.NEGATIVE_INFINITY : include;
        for (Curve c : curves) {
            for (double[] p : c.points()) {
                low = Math.min(low, p[axis]);
                high = Math.max(high, p[axis]);
            }
        }
        double margin = axis == 0 ? 0 : Math.max(0.05 * (high - low), 1e-3);
        return new double[] {low - margin, Math.max(high + margin, low + 1e-9)};
    }

    private String draw(double baseline) {
        StringBuilder svg = new StringBuilder();
        svg.append(open(WIDTH, HEIGHT, title));
        svg.append(text(LEFT, 16, "start", "title", title));
        for (double t : ticks(y[0], y[1], 5)) yTick(svg, t);
        for (double t : ticks(x[0], x[1], 6))
            svg.append(text(px(t), HEIGHT - BOTTOM + 16, "middle", "tick", number(t)));
        svg.append(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6, "middle", "tick", xLabel));
        if (!Double.isNaN(baseline)) svg.append(line(LEFT, WIDTH - RIGHT, py(baseline), "base"));
        for (int i = 0; i < curves.size(); i++) curve(svg, curves.get(i), colour(i), i);
        return svg.append("</svg>").toString();
    }

    private void yTick(StringBuilder svg, double value) {
        svg.append(line(LEFT, WIDTH - RIGHT, py(value), "grid"));
        svg.append(text(LEFT - 6, py(value) + 4, "end", "tick", number(value)));
    }

    /** The tag that opens a picture. */
    static String open(int width, int height, String title) {
        return String.format(
                Locale.ROOT,
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">",
                width,
                height,
                Html.escape(title));
    }

    /** The colour of the i-th curve, or of the i-th draft's bars. */
    static String colour(int index) {
        return COLOURS[index % COLOURS.length];
    }

    static String line(int from, int to, double at, String kind) {
        return String.format(
                Locale.ROOT,
                "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>",
                kind,
                from,
                to,
                at,
                at);
    }

    private void curve(StringBuilder svg, Curve c, String colour, int index) {
        StringBuilder path = new StringBuilder();
        for (double[] p : c.points()) path.append(String.format(Locale.ROOT, "%.1f,%.1f ", px(p[0]), py(p[1])));
        svg.append("<polyline fill=\"none\" stroke-width=\"1.8\" stroke=\"")
                .append(colour)
                .append("\" points=\"")
                .append(path.toString().strip())
                .append("\"/>");
        if (c.points().size() <= 20) {
            for (double[] p : c.points()) {
                svg.append(String.format(
                        Locale.ROOT,
                        "<circle r=\"2.6\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\"><title>%s: %s</title></circle>",
                        colour,
                        px(p[0]),
                        py(p[1]),
                        Html.escape(c.name()),
                        number(p[1])));
            }
        }
        double at = LEFT + 8 + index % columns * (LEGEND_WIDTH / columns);
        int line = TOP + index / columns * LEGEND_HEIGHT;
        svg.append(String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%d\" width=\"10\" height=\"3\" fill=\"%s\"/>",
                at,
                line - 4,
                colour));
        svg.append(text(at + 14, line, "start", "tick", c.name()));
    }

    static String text(double x, double y, String anchor, String kind, String text) {
        return String.format(
                Locale.ROOT,
                "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                kind,
                x,
                y,
                anchor,
                Html.escape(text));
    }

    private double px(double value) {
        return LEFT + (value - x[0]) / (x[1] - x[0]) * (WIDTH - LEFT - RIGHT);
    }

    private double py(double value) {
        return HEIGHT - BOTTOM - (value - y[0]) / (y[1] - y[0]) * (HEIGHT - BOTTOM - top - 6);
    }

    /** About {@code count} round values within low and high. */
    static double[] ticks(double low, double high, int count) {
        double raw = (high - low) / count, power = Math.pow(10, Math.floor(Math.log10(raw)));
        double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
        long first = (long) Math.ceil(low / step - 1e-9), last = (long) Math.floor(high / step + 1e-9);
        double[] ticks = new double[(int) (last - first + 1)];
        for (int i = 0; i < ticks.length; i++) ticks[i] = (first + i) * step;
        return ticks;
    }

    static String number(double value) {
        String text = String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%.0f" : "%.3f", value);
        return text.contains(".") ? text.replaceAll("0+$", "").replaceAll("\\.$", "") : text;
    }
}
