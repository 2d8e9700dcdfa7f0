package dev.outrider.recipes.report;

import java.util.ArrayList;
import java.util.List;

/** What pictures are worth, as the report says it: a sentence for each kind of tasks, and all figures. */
final class GainTable {
    private GainTable() {}

    /** @param gains at least one; the sentences are of the first one's setting */
    static void write(StringBuilder page, List<Gain> gains) {
        Gain first = gains.getFirst();
        for (Gain g : gains) {
            boolean same = g.temperature() == first.temperature() && g.gamma() == first.gamma();
            if (same && isWhole(g)) page.append(sentence(g));
        }
        page.append("<p>").append(Html.escape(Gain.MEANING)).append("</p>\n<div class=\"scroll\"><table>");
        page.append(Html.header(
                "tasks",
                "decoding",
                "γ",
                "prompts",
                "τ without",
                "with",
                "gain",
                "95 %",
                "α without",
                "with",
                "gain",
                "95 %",
                "drafts"));
        for (Gain g : gains) page.append(Html.row(isWhole(g), cells(g)));
        page.append("</table></div>\n");
    }

    private static boolean isWhole(Gain g) {
        return g.task().equals(Evaluation.ALL_TASKS);
    }

    private static String sentence(Gain g) {
        return Html.figure(
                "<p>Where the answer <b>%s</b>: τ = %.2f with %s, %.2f with %s, a gain of <b>%+.2f</b> [%+.2f to %+.2f]"
                        + " (%s, γ = %d, %d prompts).</p>\n",
                Html.escape(g.kind()),
                g.tau().blind(),
                Html.escape(g.blind()),
                g.tau().seeing(),
                Html.escape(g.seeing()),
                g.tau().gain(),
                g.tau().low(),
                g.tau().high(),
                Report.temperature(g.temperature()),
                g.gamma(),
                g.prompts());
    }

    private static String[] cells(Gain g) {
        List<String> cells = new ArrayList<>(List.of(
                isWhole(g) ? g.kind() : g.task(),
                Report.temperature(g.temperature()),
                "" + g.gamma(),
                "" + g.prompts()));
        for (Difference d : List.of(g.tau(), g.alpha())) {
            cells.add(Html.figure("%.3f", d.blind()));
            cells.add(Html.figure("%.3f", d.seeing()));
            cells.add(Html.figure("%+.3f", d.gain()));
            cells.add(Html.figure("%+.2f to %+.2f", d.low(), d.high()));
        }
        cells.add(g.seeing() + " − " + g.blind());
        return cells.toArray(String[]::new);
    }
}
