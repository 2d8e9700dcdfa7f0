package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.recipes.report.Bars.Bar;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class BarsTest {
    private static final Pattern BAR = Pattern.compile(
            "<rect class=\"bar\" x=\"([0-9.]+)\" y=\"([0-9.]+)\" width=\"([0-9.]+)\" height=\"([0-9.]+)\" fill=\"(#\\w+)\"");

    private static List<Bar> bars() {
        List<Bar> bars = new ArrayList<>();
        for (int s = 0; s < 4; s++) {
            for (int g = 0; g < 3; g++) bars.add(new Bar("task-" + g, "draft" + s, 1 + s + 0.5 * g, 0.5 + s, 2 + s));
        }
        return bars;
    }

    private static List<MatchResult> drawn(String svg) {
        return BAR.matcher(svg).results().toList();
    }

    private static double number(MatchResult bar, int group) {
        return Double.parseDouble(bar.group(group));
    }

    /** As high as what they stand for, side by side without touching, inside the picture. */
    @Test
    void heightsAreValues() {
        List<Bar> bars = bars();
        String svg = Bars.svg("τ", bars, 1);
        List<MatchResult> drawn = drawn(svg);
        assertThat(drawn).hasSize(12);
        double scale = number(drawn.getFirst(), 4) / bars.getFirst().value();
        for (int i = 0; i < 12; i++) {
            assertThat(number(drawn.get(i), 4)).isCloseTo(scale * bars.get(i).value(), within(0.2));
            assertThat(number(drawn.get(i), 2) + number(drawn.get(i), 4)).isCloseTo(220, within(0.2));
            assertThat(number(drawn.get(i), 2)).isGreaterThan(30);
        }
        List<MatchResult> across = drawn.stream()
                .sorted((a, b) -> Double.compare(number(a, 1), number(b, 1)))
                .toList();
        for (int i = 1; i < 12; i++) {
            assertThat(number(across.get(i), 1))
                    .isGreaterThan(number(across.get(i - 1), 1) + number(across.get(i - 1), 3));
        }
        assertThat(number(across.get(11), 1) + number(across.get(11), 3)).isLessThan(448);
        assertThat(drawn.stream().map(b -> b.group(5)).distinct()).hasSize(4);
        assertThat(drawn.subList(0, 3).stream().map(b -> b.group(5)).distinct()).hasSize(1);
    }

    @Test
    void whiskersNamesAndBaseline() {
        String svg = Bars.svg("τ", bars(), 1);
        assertThat(Pattern.compile("class=\"whisker\"").matcher(svg).results()).hasSize(12);
        assertThat(svg).contains(">task-<", ">2<", ">draft3<", "class=\"base\"", "draft1, task-2: 3 [1.5, 3]");
        String plain = Bars.svg("rate", List.of(new Bar("t", "d", 2, Double.NaN, Double.NaN)), Double.NaN);
        assertThat(plain).doesNotContain("whisker", "\"base\"", "NaN");
    }

    @Test
    void whatIsNotFiniteIsLeftOut() {
        List<Bar> bars = new ArrayList<>(bars());
        bars.add(new Bar("task-0", "draft9", Double.NaN, Double.NaN, Double.NaN));
        assertThat(Bars.svg("τ", bars, 1)).isEqualTo(Bars.svg("τ", bars(), 1));
        assertThat(Bars.svg("τ", bars.subList(12, 13), 1)).isEmpty();
    }

    @Test
    void namesAreEscaped() {
        String svg = Bars.svg("<b>\"", List.of(new Bar("<i>", "a&b", 1, 0.5, 2)), 1);
        assertThat(svg).contains("&lt;b&gt;&quot;", "&lt;i&gt;", "a&amp;b").doesNotContain("<b>", "<i>", "a&b");
    }
}
