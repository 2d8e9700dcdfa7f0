package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ChartTest {
    private static final int WIDTH = 460;

    /** Every curve is named inside the picture, at a place and in a colour of its own, above the lines. */
    @Test
    void everyCurveIsInTheLegend() {
        List<Curve> curves = IntStream.range(0, 10)
                .mapToObj(i -> new Curve("draft" + i, List.of(new double[] {1, i}, new double[] {2, i + 1})))
                .toList();
        String svg = Chart.svg("τ", "γ", curves, Double.NaN);
        Matcher names = Pattern.compile("x=\"([0-9.]+)\" y=\"([0-9.]+)\"[^>]*>draft\\d<")
                .matcher(svg);
        List<double[]> places = names.results()
                .map(m -> new double[] {Double.parseDouble(m.group(1)), Double.parseDouble(m.group(2))})
                .toList();
        assertThat(places).hasSize(10).doesNotHaveDuplicates();
        assertThat(places.stream().map(p -> p[0] + ", " + p[1])).doesNotHaveDuplicates();
        assertThat(places).allSatisfy(p -> assertThat(p[0]).isLessThan(WIDTH - 60));
        double lowest = places.stream().mapToDouble(p -> p[1]).max().orElseThrow();
        List<Double> points = Pattern.compile("cy=\"([0-9.]+)\"")
                .matcher(svg)
                .results()
                .map(m -> Double.parseDouble(m.group(1)))
                .toList();
        assertThat(points).hasSize(20).allSatisfy(y -> assertThat(y).isGreaterThan(lowest));
        assertThat(Pattern.compile("stroke=\"(#\\w+)\"").matcher(svg).results().map(m -> m.group(1)))
                .hasSize(10)
                .doesNotHaveDuplicates();
    }

    /** Long names, such as those of the papers' drafts, do not run into each other: a letter takes about 6 pixels. */
    @Test
    void longNamesHaveRoom() {
        List<Curve> curves = Stream.of("base-115m", "chat-115m", "ft-llava-text-115m", "ft-llava-115m")
                .map(n -> new Curve(n, List.of(new double[] {1, 1}, new double[] {2, 2})))
                .toList();
        List<double[]> places = Pattern.compile("x=\"([0-9.]+)\" y=\"([0-9.]+)\"[^>]*>[a-z-]+115m<")
                .matcher(Chart.svg("τ", "γ", curves, Double.NaN))
                .results()
                .map(m -> new double[] {Double.parseDouble(m.group(1)), Double.parseDouble(m.group(2))})
                .toList();
        assertThat(places).hasSize(4);
        for (double[] a : places) {
            for (double[] b : places) {
                if (a != b && a[1] == b[1]) assertThat(Math.abs(a[0] - b[0])).isGreaterThan(18 * 6);
            }
        }
    }
}
