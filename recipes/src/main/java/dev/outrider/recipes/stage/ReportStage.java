package dev.outrider.recipes.stage;

import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Row;
import dev.outrider.recipes.report.Gain;
import dev.outrider.recipes.report.Report;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The table on the terminal and the HTML report, from what the other stages left. */
public final class ReportStage implements Stage {
    @Override
    public String name() {
        return "report";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("evaluate");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.name());
    }

    @Override
    public void run(Run run) {
        Evaluation evaluation = Evaluation.read(run.evaluation());
        Map<String, Path> metrics = new LinkedHashMap<>();
        if (run.recipe().trainsTower()) metrics.put("tower", TowerStage.metrics(run));
        if (run.recipe().target().given().isEmpty())
            metrics.put("target", run.targetRun().resolve("metrics.jsonl"));
        metrics.put("pre-training", run.pretrainRun().resolve("metrics.jsonl"));
        run.recipe()
                .allAlignments()
                .forEach(a ->
                        metrics.put("alignment " + a.name(), run.alignmentRun(a).resolve("metrics.jsonl")));
        Report report = new Report(run.recipe().name(), evaluation, metrics, run.provenance("", ""), next(run));
        report.write(run.report());
        if (evaluation.replayed()) {
            replayed(evaluation, run);
            report.next().forEach(line -> run.out().println("  " + line));
        } else {
            table(evaluation, run.out());
            gains(Gain.of(evaluation, run.recipe().seed()), run.out());
            closing(report, run);
        }
    }

    private static void replayed(Evaluation evaluation, Run run) {
        run.out().println("\n| drafter | γ | τ [95 %] | MBSU |\n|---|---|---|---|");
        for (Row r : evaluation.overall()) {
            run.out()
                    .printf(
                            Locale.ROOT,
                            "| %s | %d | %.3f [%.2f, %.2f] | %.3f |%n",
                            r.draft(),
                            r.gamma(),
                            r.tau(),
                            r.tauLow(),
                            r.tauHigh(),
                            r.mbsu());
        }
        evaluation.definitions().forEach((term, meaning) -> run.out().println("  " + term + ": " + meaning));
        run.out()
                .printf(
                        "Report: %s%nEverything: %s%n%nNext:%n",
                        run.report().toAbsolutePath(), run.folder().toAbsolutePath());
    }

    private static void table(Evaluation evaluation, PrintStream out) {
        int width =
                evaluation.overall().stream().mapToInt(r -> r.draft().length()).reduce(11, Math::max);
        out.printf(
                "%n%-" + width + "s %-10s %2s  %6s %13s  %6s  %8s %8s  %6s %9s%n",
                "draft",
                "decoding",
                "γ",
                "τ",
                "95 %",
                "MBSU",
                "tok/s",
                "without",
                "ratio",
                "predicted");
        for (Row r : evaluation.overall()) {
            out.printf(
                    Locale.ROOT,
                    "%-" + width + "s %-10s %2d  %6.3f [%.2f, %.2f]  %6.3f  %8.0f %8.0f  %6.3f %9.3f%n",
                    r.draft(),
                    r.temperature() == 0 ? "greedy" : "T = " + r.temperature(),
                    r.gamma(),
                    r.tau(),
                    r.tauLow(),
                    r.tauHigh(),
                    r.mbsu(),
                    r.tokenRate(),
                    r.baselineRate(),
                    r.ratio(),
                    r.predicted());
        }
        evaluation.definitions().forEach((term, meaning) -> out.println("  " + term + ": " + meaning));
    }

    /** What the picture is worth, by kind of task; nothing where no two drafts are alike but for their eyes. */
    private static void gains(List<Gain> gains, PrintStream out) {
        List<Gain> kinds = gains.stream()
                .filter(g -> g.task().equals(Evaluation.ALL_TASKS))
                .toList();
        if (kinds.isEmpty()) return;
        out.printf(
                "%nτ of %s less that of %s%n",
                kinds.getFirst().seeing(), kinds.getFirst().blind());
        for (Gain g : kinds) {
            out.printf(
                    Locale.ROOT,
                    "%-18s %-8s γ %2d  %+.2f [%+.2f, %+.2f]  of %d prompts%n",
                    g.kind(),
                    g.temperature() == 0 ? "greedy" : "T = " + g.temperature(),
                    g.gamma(),
                    g.tau().gain(),
                    g.tau().low(),
                    g.tau().high(),
                    g.prompts());
        }
    }

    private static void closing(Report report, Run run) {
        Row best = report.best();
        Evaluation evaluation = report.evaluation();
        run.out()
                .printf(
                        Locale.ROOT,
                        "%nBest: %s draft, γ = %d, %s: %.2f times the target's own speed (τ %.2f, MBSU %.2f).%n"
                                + "Proof: %d of %d greedy answers have the same tokens with a draft and without.%n"
                                + "Report: %s%nEverything: %s%n%nNext:%n",
                        best.draft(),
                        best.gamma(),
                        best.temperature() == 0 ? "greedy" : "T = " + best.temperature(),
                        best.ratio(),
                        best.tau(),
                        best.mbsu(),
                        evaluation.identical(),
                        evaluation.compared(),
                        run.report().toAbsolutePath(),
                        run.folder().toAbsolutePath());
        report.next().forEach(line -> run.out().println("  " + line));
    }

    private static List<String> next(Run run) {
        String target = run.recipe()
                .target()
                .checkpoint()
                .orElse(run.exported().resolve("target"))
                .toString();
        Path draft = Models.exported(run, run.recipe().distill().name());
        if (!run.recipe().generate().recorded().isEmpty()) {
            return List.of(
                    "./outrider replay --draft " + draft + " --answers "
                            + run.alignment().resolve("test") + " --target-parameters " + Models.parameters(run),
                    "./outrider inspect " + draft,
                    "./outrider data show " + run.alignment().resolve("train") + " --tokenizer " + draft);
        }
        return List.of(
                "./outrider chat --target " + target + " --draft " + draft + " --gamma 4" + looking(run),
                "./outrider inspect " + draft,
                "./outrider data show " + run.alignment().resolve("train") + " --tokenizer " + draft,
                "./outrider run recipes/stories260k.yaml");
    }

    /** A picture to ask about, where the target sees and has not been trained on it. */
    private static String looking(Run run) {
        if (!run.recipe().asksAboutPictures()) return "";
        return " --image " + Pictures.folders(run).require(Corpus.heldOutPicture(run));
    }

    @Override
    public void clean(Run run) {}
}
