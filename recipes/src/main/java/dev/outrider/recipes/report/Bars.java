package dev.outrider.recipes.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Grouped bars as inline SVG: a group a task, a bar a draft in a colour of its own, whiskers where there is an interval. */
final class Bars {
    private static final int WIDTH = 460, HEIGHT = 260, LEFT = 52, RIGHT = 12, TOP = 30, BOTTOM = 40;
    private static final double GAP = 0.2;

    /**
     * One bar.
     *
     * @param low lower end of an interval; NaN without one
     */
    record Bar(String group, String series, double value, double low, double high) {}

    private final List<Bar> bars;
    private final List<String> groups;
    private final List<String> series;
    private final int columns;
    private final int top;
    private final double most;

    private Bars(List<Bar> bars, double baseline) {
        this.bars = bars;
        this.groups = bars.stream().map(Bar::group).distinct().toList();
        this.series = bars.stream().map(Bar::series).distinct().toList();
        this.columns = Chart.columns(series);
        this.top = TOP + (series.size() - 1) / columns * Chart.LEGEND_HEIGHT + 6;
        double highest = Double.isNaN(baseline) ? 0 : baseline;
        for (Bar b : bars) highest = Math.max(highest, Double.isNaN(b.high) ? b.value : Math.max(b.value, b.high));
        this.most = Math.max(1.05 * highest, 1e-9);
    }

    /**
     * Values that are not finite are left out; empty where there are no others.
     *
     * @param baseline a value that gets a dashed line; NaN for none
     */
    static String svg(String title, List<Bar> bars, double baseline) {
        List<Bar> shown = bars.stream().filter(b -> Double.isFinite(b.value)).toList();
        return shown.isEmpty() ? "" : new Bars(shown, baseline).draw(title, baseline);
    }

    private String draw(String title, double baseline) {
        StringBuilder svg = new StringBuilder(Chart.open(WIDTH, HEIGHT, title));
        svg.append(Chart.text(LEFT, 16, "start", "title", title));
        for (double t : Chart.ticks(0, most, 5)) {
            svg.append(Chart.line(LEFT, WIDTH - RIGHT, py(t), "grid"));
            svg.append(Chart.text(LEFT - 6, py(t) + 4, "end", "tick", Chart.number(t)));
        }
        for (Bar b : bars) bar(svg, b);
        if (!Double.isNaN(baseline)) svg.append(Chart.line(LEFT, WIDTH - RIGHT, py(baseline), "base"));
        for (int i = 0; i < groups.size(); i++) label(svg, i);
        for (int i = 0; i < series.size(); i++) legend(svg, i);
        return svg.append("</svg>").toString();
    }

    private void bar(StringBuilder svg, Bar b) {
        int index = series.indexOf(b.series);
        double width = group() * (1 - GAP) / series.size();
        double x = LEFT + group() * (groups.indexOf(b.group) + GAP / 2) + width * index;
        svg.append(String.format(
                Locale.ROOT,
                "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"><title>%s</title></rect>",
                x,
                py(b.value),
                Math.max(width - 1, 1),
                py(0) - py(b.value),
                Chart.colour(index),
                Html.escape(b.series + ", " + b.group + ": " + Chart.number(b.value) + interval(b))));
        if (hasInterval(b)) {
            double middle = x + (width - 1) / 2;
            svg.append(String.format(
                    Locale.ROOT,
                    "<line class=\"whisker\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                    middle,
                    middle,
                    py(b.low),
                    py(b.high)));
        }
    }

    private static boolean hasInterval(Bar b) {
        return Double.isFinite(b.low) && Double.isFinite(b.high);
    }

    private static String interval(Bar b) {
        return hasInterval(b) ? " [" + Chart.number(b.low) + ", " + Chart.number(b.high) + "]" : "";
    }

    /** In lines of its words: groups are narrow where there are many. */
    private void label(StringBuilder svg, int index) {
        List<String> lines = new ArrayList<>(List.of(groups.get(index).split("(?<=-)", 2)));
        for (int i = 0; i < lines.size(); i++) {
            double x = LEFT + group() * (index + 0.5);
            svg.append(Chart.text(x, HEIGHT - BOTTOM + 14 + 12 * i, "middle", "tick", lines.get(i)));
        }
    }

    private void legend(StringBuilder svg, int index) {
        double x = LEFT + 8 + index % columns * (Chart.LEGEND_WIDTH / columns);
        int y = TOP + index / columns * Chart.LEGEND_HEIGHT;
        svg.append(String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%d\" width=\"10\" height=\"7\" fill=\"%s\"/>",
                x,
                y - 7,
                Chart.colour(index)));
        svg.append(Chart.text(x + 14, y, "start", "tick", series.get(index)));
    }

    private double group() {
        return (double) (WIDTH - LEFT - RIGHT) / groups.size();
    }

    private double py(double value) {
        return HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - top);
    }
}
