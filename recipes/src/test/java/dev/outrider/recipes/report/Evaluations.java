package dev.outrider.recipes.report;

import dev.outrider.recipes.report.Evaluation.Model;
import dev.outrider.recipes.report.Evaluation.Outcome;
import dev.outrider.recipes.report.Evaluation.Pair;
import dev.outrider.recipes.report.Evaluation.Piece;
import dev.outrider.recipes.report.Evaluation.Row;
import dev.outrider.recipes.report.Evaluation.Sample;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Made-up evaluations: four drafts on three tasks, and what two of them did prompt by prompt. */
final class Evaluations {
    static final List<String> DRAFTS = List.of("base-115m", "chat-115m", "ft-llava-text-115m", "ft-llava-115m");
    static final List<String> TASKS = List.of("seen-describe", "seen-question", "unseen-question");

    private Evaluations() {}

    static Evaluation of(List<Sample> samples) {
        return new Evaluation(
                model("target", 8_100_000),
                DRAFTS.stream().map(d -> model(d, 400_000)).toList(),
                rows(),
                samples,
                12,
                12,
                Map.of("τ", "what τ means"),
                "two cores",
                List.of(new Pair(DRAFTS.get(3), DRAFTS.get(2), kinds())),
                outcomes());
    }

    /** As versions before the pictures wrote them. */
    static Evaluation blind(List<Sample> samples) {
        Evaluation e = of(samples);
        return new Evaluation(
                e.target(),
                e.drafts(),
                e.rows(),
                e.samples(),
                e.compared(),
                e.identical(),
                e.definitions(),
                e.machine());
    }

    private static Model model(String name, long parameters) {
        return new Model(name, "runs/" + name, parameters, parameters, "f32", "sha256-" + name);
    }

    private static Map<String, String> kinds() {
        Map<String, String> kinds = new LinkedHashMap<>();
        kinds.put("seen-describe", "needs the picture");
        kinds.put("seen-question", "needs the picture");
        kinds.put("unseen-question", "does not need it");
        return kinds;
    }

    private static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        for (String draft : DRAFTS) {
            for (int gamma : new int[] {1, 3, 5}) {
                for (String task : List.of("seen-describe", "seen-question", "unseen-question", Evaluation.ALL_TASKS)) {
                    double tau = 1.5 + 0.3 * DRAFTS.indexOf(draft) + 0.1 * gamma + 0.05 * task.length() / 10;
                    rows.add(row(draft, task, gamma, tau));
                }
            }
        }
        return rows;
    }

    private static Row row(String draft, String task, int gamma, double tau) {
        double c = 0.05, rate = 300 * tau / (0.2 * gamma + 1);
        return new Row(
                draft,
                task,
                0,
                gamma,
                tau,
                tau - 0.2,
                tau + 0.25,
                c,
                tau / (c * gamma + 1),
                c,
                tau / (c * gamma + 1),
                rate,
                300,
                rate / 300,
                rate / 300,
                0.2,
                List.of(0.8, 0.6),
                List.of(0.8, 0.75),
                400,
                200);
    }

    private static List<Outcome> outcomes() {
        SplittableRandom random = new SplittableRandom(1);
        List<Outcome> out = new ArrayList<>();
        for (String task : TASKS) {
            for (int i = 0; i < 12; i++) {
                for (int gamma : new int[] {1, 3, 5}) {
                    for (String draft : DRAFTS.subList(2, 4)) {
                        long tokens = 40, passes = random.nextInt(15, 25);
                        if (draft.equals(DRAFTS.get(3)) && task.startsWith("seen")) passes -= 5;
                        long accepted = tokens - passes;
                        out.add(new Outcome(
                                draft,
                                task,
                                task + "-" + i,
                                0,
                                gamma,
                                tokens,
                                passes,
                                accepted,
                                accepted + passes / 2));
                    }
                }
            }
        }
        return out;
    }

    static Sample sample(String draft, String prompt, List<String> pictures) {
        List<Piece> pieces = List.of(
                new Piece("The", false),
                new Piece(" circle", true),
                new Piece(" is", true),
                new Piece(" red", draft.equals(DRAFTS.get(3))),
                new Piece(".", true));
        return new Sample(draft, "seen-question", 3, prompt, pieces, pictures);
    }
}
