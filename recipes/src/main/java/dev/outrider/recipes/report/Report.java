package dev.outrider.recipes.report;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.recipes.report.Evaluation.Model;
import dev.outrider.recipes.report.Evaluation.Row;
import dev.outrider.recipes.report.Evaluation.Sample;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * One self-contained HTML page that says what a run's draft is worth and how it is known: headline, curves,
 * figures against γ, answers with accepted tokens coloured, definitions, provenance. No network, no script.
 *
 * @param metrics name of a training run to its metrics.jsonl
 * @param next commands to type next
 */
public record Report(
        String title, Evaluation evaluation, Map<String, Path> metrics, Provenance provenance, List<String> next) {

    /** Writes the page. */
    public void write(Path file) {
        AtomicFiles.file(file, t -> Files.writeString(t, html()));
    }

    String html() {
        StringBuilder page = new StringBuilder(resource("report.head.html").replace("{title}", Html.escape(title)));
        headline(page);
        section(page, "Against the draft length γ", this::gammaCharts);
        section(page, "All figures", this::table);
        section(page, "Acceptance by position", this::positions);
        section(page, "Answers", this::samples);
        section(page, "Training", this::training);
        section(page, "What the figures mean", this::definitions);
        section(page, "Where it comes from", this::origin);
        section(page, "What to type next", this::commands);
        return page.append("</main></body></html>\n").toString();
    }

    private static void section(StringBuilder page, String heading, java.util.function.Consumer<StringBuilder> body) {
        page.append("<h2>").append(Html.escape(heading)).append("</h2>\n");
        body.accept(page);
    }

    /** The fastest setting over all tasks, by measured ratio, or, without times, by MBSU. */
    public Row best() {
        return evaluation.overall().stream()
                .max(Comparator.comparingDouble(evaluation.replayed() ? Row::mbsu : Row::ratio))
                .orElseThrow();
    }

    private void headline(StringBuilder page) {
        if (evaluation.replayed()) replayed(page);
        else measured(page);
    }

    private void replayed(StringBuilder page) {
        Row best = best();
        page.append(String.format(
                Locale.ROOT,
                "<h1>%s</h1><p class=\"lead\">At its best, the draft <b>%s</b> (%s) brings <b>%.2f tokens</b> for each pass of"
                        + " the target (%s) at γ = %d, greedy: τ = %.2f [%.2f, %.2f], MBSU %.2f.</p>",
                Html.escape(title),
                best.draft(),
                size(best.draft()),
                best.tau(),
                millions(evaluation.target().parameters()),
                best.gamma(),
                best.tau(),
                best.tauLow(),
                best.tauHigh(),
                best.mbsu()));
        page.append("<p class=\"proof\">By replay of recorded answers: exact in tokens and passes; nothing was timed.</p>");
    }

    private void measured(StringBuilder page) {
        Row best = best();
        page.append(String.format(
                Locale.ROOT,
                "<h1>%s</h1><p class=\"lead\">%s the draft <b>%s</b> (%s) makes the target (%s) <b>%.2f times</b> as fast at γ ="
                        + " %d, %s: %.0f instead of %.0f tokens/s, block efficiency τ = %.2f [%.2f, %.2f], MBSU %.2f.</p>",
                Html.escape(title),
                best.ratio() > 1 ? "At its best," : "On this machine no draft pays for this target: at its best,",
                best.draft(),
                size(best.draft()),
                millions(evaluation.target().parameters()),
                best.ratio(),
                best.gamma(),
                temperature(best.temperature()),
                best.tokenRate(),
                best.baselineRate(),
                best.tau(),
                best.tauLow(),
                best.tauHigh(),
                best.mbsu()));
        page.append(String.format(
                "<p class=\"proof\">Its answers are unchanged: <b>%d of %d</b> greedy answers have the very same tokens"
                        + " with a draft and without. Under sampling the law is the target's by construction (accept with"
                        + " min(1, p/q), residual, bonus); the test suite proves it by enumeration and χ².</p>",
                evaluation.identical(), evaluation.compared()));
    }

    private String size(String draft) {
        long n = evaluation.drafts().stream()
                .filter(m -> m.name().equals(draft))
                .mapToLong(Model::parameters)
                .findFirst()
                .orElse(0);
        return n == 0 ? "a table" : millions(n);
    }

    private static String millions(long parameters) {
        return String.format(Locale.ROOT, "%.2fM parameters", parameters / 1e6);
    }

    private static String temperature(double t) {
        return t == 0 ? "greedy" : "temperature " + t;
    }

    private List<Double> temperatures() {
        return evaluation.overall().stream().map(Row::temperature).distinct().toList();
    }

    private void gammaCharts(StringBuilder page) {
        for (double t : temperatures()) {
            page.append("<h3>").append(temperature(t)).append("</h3><div class=\"charts\">");
            page.append(overGamma("block efficiency τ", t, Row::tau, 1));
            page.append(overGamma("MBSU", t, Row::mbsu, 1));
            if (!evaluation.replayed()) page.append(overGamma("measured token-rate ratio (dashed: without a draft)", t, Row::ratio, 1));
            page.append("</div>");
        }
    }

    private String overGamma(String title, double temperature, ToDoubleFunction<Row> value, double baseline) {
        List<Curve> curves = new ArrayList<>();
        for (Model draft : evaluation.drafts()) {
            List<double[]> points = evaluation.overall().stream()
                    .filter(r -> r.draft().equals(draft.name()) && r.temperature() == temperature)
                    .map(r -> new double[] {r.gamma(), value.applyAsDouble(r)})
                    .toList();
            curves.add(new Curve(draft.name(), points));
        }
        return Chart.svg(title, "γ", curves, baseline);
    }

    private void table(StringBuilder page) {
        if (evaluation.replayed()) replayedTable(page);
        else measuredTable(page);
    }

    private void replayedTable(StringBuilder page) {
        page.append("<div class=\"scroll\"><table><tr><th>draft<th>γ<th>τ<th>95 %<th>c<th>MBSU<th>tokens<th>passes</tr>\n");
        for (Row r : evaluation.rows()) {
            page.append(String.format(
                    Locale.ROOT,
                    "<tr><td>%s<td>%d<td>%.3f<td>%.2f–%.2f<td>%.5f<td>%.3f<td>%d<td>%d</tr>%n",
                    Html.escape(r.draft()),
                    r.gamma(),
                    r.tau(),
                    r.tauLow(),
                    r.tauHigh(),
                    r.c(),
                    r.mbsu(),
                    r.tokens(),
                    r.passes()));
        }
        page.append("</table></div>\n");
    }

    private void measuredTable(StringBuilder page) {
        long tasks = evaluation.rows().stream().map(Row::task).distinct().count();
        page.append(
                "<div class=\"scroll\"><table><tr><th>draft<th>task<th>decoding<th>γ<th>τ<th>95 %<th>MBSU<th>by reads<th>tok/s"
                        + "<th>without<th>ratio<th>predicted<th>cost<th>tokens</tr>\n");
        for (Row r : evaluation.rows()) {
            if (tasks == 2 && !r.task().equals(Evaluation.ALL_TASKS)) continue; // one task is all there is
            page.append(String.format(
                    Locale.ROOT,
                    "<tr%s><td>%s<td>%s<td>%s<td>%d<td>%.3f<td>%.2f–%.2f<td>%.3f<td>%.3f<td>%.0f<td>%.0f<td>%.3f<td>%.3f<td>%.3f"
                            + "<td>%d</tr>%n",
                    r.task().equals(Evaluation.ALL_TASKS) ? " class=\"all\"" : "",
                    Html.escape(r.draft()),
                    Html.escape(r.task()),
                    temperature(r.temperature()),
                    r.gamma(),
                    r.tau(),
                    r.tauLow(),
                    r.tauHigh(),
                    r.mbsu(),
                    r.mbsuRead(),
                    r.tokenRate(),
                    r.baselineRate(),
                    r.ratio(),
                    r.predicted(),
                    r.costRatio(),
                    r.tokens()));
        }
        page.append("</table></div>\n");
    }

    private void positions(StringBuilder page) {
        int longest = evaluation.overall().stream().mapToInt(Row::gamma).max().orElse(1);
        page.append("<p>At γ = ").append(longest).append(", all tasks.</p><div class=\"charts\">");
        for (double t : temperatures()) {
            page.append(byPosition("joint acceptance, " + temperature(t), longest, t, Row::joint));
            page.append(byPosition("conditional acceptance, " + temperature(t), longest, t, Row::conditional));
        }
        page.append("</div>");
    }

    private String byPosition(
            String title, int gamma, double t, java.util.function.Function<Row, List<Double>> values) {
        List<Curve> curves = new ArrayList<>();
        for (Row r : evaluation.overall()) {
            if (r.gamma() != gamma || r.temperature() != t) continue;
            List<double[]> points = new ArrayList<>();
            for (int i = 0; i < values.apply(r).size(); i++) {
                double v = values.apply(r).get(i);
                if (!Double.isNaN(v)) points.add(new double[] {i + 1, v});
            }
            curves.add(new Curve(r.draft(), points));
        }
        return Chart.svg(title, "position in the proposal", curves, 0);
    }

    private void samples(StringBuilder page) {
        page.append(
                "<p>Greedy. <span class=\"hit\">Green</span>: guessed by the draft and accepted; plain: the target's"
                        + " own.</p>");
        for (Sample s : evaluation.samples()) {
            page.append(String.format(
                    "<div class=\"sample\"><div class=\"prompt\"><b>%s, γ = %d</b>\n%s</div><div>",
                    Html.escape(s.task()), s.gamma(), Html.escape(s.prompt())));
            for (var piece : s.pieces()) {
                String text = Html.escape(piece.text());
                page.append(piece.drafted() ? "<span class=\"hit\">" + text + "</span>" : text);
            }
            page.append("</div></div>\n");
        }
    }

    private void training(StringBuilder page) {
        page.append("<div class=\"charts\">");
        metrics.forEach((name, file) -> {
            for (String source : List.of("text", "answers")) {
                Curve loss = Curve.of("loss", file, source + "/loss").smooth();
                Curve accepted = Curve.of("α", file, source + "/acceptance").smooth();
                String shown = name + ": " + source;
                page.append(Chart.svg(shown + ", loss", "step", List.of(loss), Double.NaN));
                if (source.equals("answers")) {
                    page.append(Chart.svg(shown + ", acceptance α", "step", List.of(accepted), Double.NaN));
                }
            }
            page.append(Chart.svg(
                    name + ": held out, simulated τ",
                    "step",
                    List.of(
                            Curve.of("greedy γ=3", file, "valid/tau_greedy_3"),
                            Curve.of("greedy γ=5", file, "valid/tau_greedy_5"),
                            Curve.of("sampled γ=3", file, "valid/tau_sampled_3"),
                            Curve.of("sampled γ=5", file, "valid/tau_sampled_5")),
                    1));
            page.append(Chart.svg(
                    name + ": held out, loss", "step", List.of(Curve.of("loss", file, "valid/loss")), Double.NaN));
        });
        page.append("</div>");
    }

    private void definitions(StringBuilder page) {
        page.append("<dl>");
        evaluation
                .definitions()
                .forEach((term, meaning) -> page.append("<dt>" + Html.escape(term) + "<dd>" + Html.escape(meaning)));
        page.append("</dl>");
    }

    private void origin(StringBuilder page) {
        page.append("<dl><dt>command<dd><code>")
                .append(Html.escape(provenance.command()))
                .append("</code>");
        page.append("<dt>made<dd>").append(provenance.created());
        page.append("<dt>versions<dd>").append(Html.escape(provenance.versions().toString()));
        page.append("<dt>machine<dd>").append(Html.escape(evaluation.machine()));
        page.append("<dt>seed<dd>").append(provenance.seed());
        List<Model> models = new ArrayList<>(List.of(evaluation.target()));
        models.addAll(evaluation.drafts());
        for (Model m : models) {
            page.append(String.format(
                    "<dt>%s<dd>%s, <code>%s</code> %s",
                    Html.escape(m.name()), held(m), Html.escape(m.path()), m.hash()));
        }
        page.append("</dl><details><summary>The recipe</summary><pre>")
                .append(Html.escape(provenance.recipe()))
                .append("</pre></details>");
    }

    private static String held(Model m) {
        return m.parameters() == 0 ? "a table" : millions(m.parameters()) + " held as " + Html.escape(m.weights());
    }

    private void commands(StringBuilder page) {
        page.append("<pre>")
                .append(next.stream().map(Html::escape).collect(Collectors.joining("\n")))
                .append("</pre>");
    }

    private static String resource(String name) {
        try (InputStream in = Report.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
