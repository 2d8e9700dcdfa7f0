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
        if (tasks().size() > 1) section(page, "Draft by draft, task by task", this::byTask);
        List<Gain> gains = Gain.of(evaluation, provenance.seed()).stream()
                .filter(g -> shownGammas().contains(g.gamma()))
                .toList();
        if (!gains.isEmpty()) section(page, "What the picture is worth", p -> GainTable.write(p, gains));
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
                Html.escape(best.draft()),
                size(best.draft()),
                best.tau(),
                millions(evaluation.target().parameters()),
                best.gamma(),
                best.tau(),
                best.tauLow(),
                best.tauHigh(),
                best.mbsu()));
        page.append(
                "<p class=\"proof\">By replay of recorded answers: exact in tokens and passes; nothing was timed.</p>");
    }

    private void measured(StringBuilder page) {
        Row best = best();
        page.append(String.format(
                Locale.ROOT,
                "<h1>%s</h1><p class=\"lead\">%s the draft <b>%s</b> (%s) makes the target (%s) <b>%.2f times</b> as fast at γ ="
                        + " %d, %s: %.0f instead of %.0f tokens/s, block efficiency τ = %.2f [%.2f, %.2f], MBSU %.2f.</p>",
                Html.escape(title),
                best.ratio() > 1 ? "At its best," : "On this machine no draft pays for this target: at its best,",
                Html.escape(best.draft()),
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

    static String temperature(double t) {
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
            if (!evaluation.replayed())
                page.append(overGamma("measured token-rate ratio (dashed: without a draft)", t, Row::ratio, 1));
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

    private List<String> tasks() {
        return evaluation.rows().stream()
                .map(Row::task)
                .filter(t -> !t.equals(Evaluation.ALL_TASKS))
                .distinct()
                .toList();
    }

    private void byTask(StringBuilder page) {
        for (double t : temperatures()) {
            for (int gamma : shownGammas()) {
                List<Row> rows = evaluation.rows().stream()
                        .filter(r -> r.gamma() == gamma && r.temperature() == t && tasks().contains(r.task()))
                        .toList();
                page.append("<h3>%s, γ = %d</h3><div class=\"charts\">".formatted(temperature(t), gamma));
                page.append(bars("block efficiency τ", rows, Row::tau, Row::tauLow, Row::tauHigh, 1));
                page.append(bars("MBSU", rows, Row::mbsu, r -> Double.NaN, r -> Double.NaN, 1));
                page.append(bars(
                        "token rate, tokens/s", rows, Row::tokenRate, r -> Double.NaN, r -> Double.NaN, Double.NaN));
                page.append("</div>");
            }
        }
    }

    /** 3 and 5, as papers have it; where neither was measured, the one in the middle. */
    private List<Integer> shownGammas() {
        List<Integer> all =
                evaluation.rows().stream().map(Row::gamma).distinct().sorted().toList();
        List<Integer> usual = all.stream().filter(g -> g == 3 || g == 5).toList();
        return usual.isEmpty() ? List.of(all.get(all.size() / 2)) : usual;
    }

    private static String bars(
            String title,
            List<Row> rows,
            ToDoubleFunction<Row> value,
            ToDoubleFunction<Row> low,
            ToDoubleFunction<Row> high,
            double baseline) {
        List<Bars.Bar> bars = rows.stream()
                .map(r -> new Bars.Bar(
                        r.task(), r.draft(), value.applyAsDouble(r), low.applyAsDouble(r), high.applyAsDouble(r)))
                .toList();
        return Bars.svg(title, bars, baseline);
    }

    private void table(StringBuilder page) {
        if (evaluation.replayed()) replayedTable(page);
        else measuredTable(page);
    }

    private void replayedTable(StringBuilder page) {
        page.append("<div class=\"scroll\"><table>%s%n"
                .formatted(Html.header("draft", "γ", "τ", "95 %", "c", "MBSU", "tokens", "passes")));
        for (Row r : evaluation.rows()) {
            page.append(Html.row(
                    false,
                    r.draft(),
                    "" + r.gamma(),
                    Html.figure("%.3f", r.tau()),
                    Html.figure("%.2f–%.2f", r.tauLow(), r.tauHigh()),
                    Html.figure("%.5f", r.c()),
                    Html.figure("%.3f", r.mbsu()),
                    "" + r.tokens(),
                    "" + r.passes()));
        }
        page.append("</table></div>\n");
    }

    private void measuredTable(StringBuilder page) {
        long tasks = evaluation.rows().stream().map(Row::task).distinct().count();
        page.append("<div class=\"scroll\"><table>%s%n"
                .formatted(Html.header(
                        "draft",
                        "task",
                        "decoding",
                        "γ",
                        "τ",
                        "95 %",
                        "MBSU",
                        "by reads",
                        "tok/s",
                        "without",
                        "ratio",
                        "predicted",
                        "cost",
                        "tokens")));
        for (Row r : evaluation.rows()) {
            if (tasks == 2 && !r.task().equals(Evaluation.ALL_TASKS)) continue; // one task is all there is
            page.append(Html.row(
                    r.task().equals(Evaluation.ALL_TASKS),
                    r.draft(),
                    r.task(),
                    temperature(r.temperature()),
                    "" + r.gamma(),
                    Html.figure("%.3f", r.tau()),
                    Html.figure("%.2f–%.2f", r.tauLow(), r.tauHigh()),
                    Html.figure("%.3f", r.mbsu()),
                    Html.figure("%.3f", r.mbsuRead()),
                    Html.figure("%.0f", r.tokenRate()),
                    Html.figure("%.0f", r.baselineRate()),
                    Html.figure("%.3f", r.ratio()),
                    Html.figure("%.3f", r.predicted()),
                    Html.figure("%.3f", r.costRatio()),
                    "" + r.tokens()));
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
        for (List<Sample> same : together()) {
            Sample first = same.getFirst();
            page.append("<div class=\"sample\"><div class=\"prompt\"><b>%s, γ = %d</b>%s\n%s</div><div>"
                    .formatted(
                            Html.escape(first.task()),
                            first.gamma(),
                            pictures(first.pictures()),
                            Html.escape(first.prompt())));
            for (Sample s : same) answer(page, s, same.size() > 1);
            page.append("</div></div>\n");
        }
    }

    /** Samples of the same prompt that follow each other. */
    private List<List<Sample>> together() {
        List<List<Sample>> out = new ArrayList<>();
        Sample last = null;
        for (Sample s : evaluation.samples()) {
            boolean same = last != null
                    && s.task().equals(last.task())
                    && s.gamma() == last.gamma()
                    && s.prompt().equals(last.prompt())
                    && s.pictures().equals(last.pictures());
            if (!same) out.add(new ArrayList<>());
            out.getLast().add(s);
            last = s;
        }
        return out;
    }

    private static String pictures(List<String> pictures) {
        return pictures.stream()
                .filter(Thumbnail::isOne)
                .map(p -> "\n<img alt=\"the picture\" src=\"" + p + "\"/>")
                .collect(Collectors.joining());
    }

    private static void answer(StringBuilder page, Sample s, boolean named) {
        page.append("<div class=\"answer\">");
        if (named) {
            page.append(
                    "<b>%s</b> <span class=\"share\">%s</span>\n".formatted(Html.escape(s.draft()), share(s.pieces())));
        }
        for (var piece : s.pieces()) {
            String text = Html.escape(piece.text());
            page.append(piece.drafted() ? "<span class=\"hit\">" + text + "</span>" : text);
        }
        page.append("</div>");
    }

    private static String share(List<Evaluation.Piece> pieces) {
        long drafted = pieces.stream().filter(Evaluation.Piece::drafted).count();
        return drafted + " of " + pieces.size() + " tokens guessed";
    }

    private void training(StringBuilder page) {
        page.append("<div class=\"charts\">");
        metrics.forEach((name, file) -> {
            for (String source : List.of("clip", "seen", "text", "answers")) {
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
                    name + ": held out, the right caption of a picture, share",
                    "step",
                    List.of(Curve.of("right", file, "valid/caption_of_picture")),
                    Double.NaN));
            page.append(Chart.svg(
                    name + ": held out, loss", "step", List.of(Curve.of("loss", file, "valid/loss")), Double.NaN));
        });
        page.append("</div>");
    }

    private void definitions(StringBuilder page) {
        page.append("<dl>");
        evaluation.definitions().forEach((term, meaning) -> page.append(entry(term, Html.escape(meaning))));
        page.append("</dl>");
    }

    private void origin(StringBuilder page) {
        page.append("<dl>");
        page.append(entry("command", "<code>" + Html.escape(provenance.command()) + "</code>"));
        page.append(entry("made", Html.escape(provenance.created())));
        page.append(entry("versions", Html.escape(provenance.versions().toString())));
        page.append(entry("machine", Html.escape(evaluation.machine())));
        page.append(entry("seed", "" + provenance.seed()));
        List<Model> models = new ArrayList<>(List.of(evaluation.target()));
        models.addAll(evaluation.drafts());
        for (Model m : models) {
            String where = held(m) + ", <code>" + Html.escape(m.path()) + "</code> " + Html.escape(m.hash());
            page.append(entry(m.name(), where));
        }
        page.append("</dl><details><summary>The recipe</summary><pre>")
                .append(Html.escape(provenance.recipe()))
                .append("</pre></details>");
    }

    /** @param meaning as HTML */
    private static String entry(String term, String meaning) {
        return "<dt>" + Html.escape(term) + "</dt><dd>" + meaning + "</dd>";
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
