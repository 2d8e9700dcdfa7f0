package dev.outrider.recipes.report;

import dev.outrider.recipes.report.Evaluation.Outcome;
import dev.outrider.recipes.report.Evaluation.Pair;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What a draft with an adapter gains over the one without, on the same prompts.
 *
 * @param kind of tasks
 * @param task one of them, or {@link Evaluation#ALL_TASKS} of the kind
 * @param prompts that both drafts guessed at
 */
public record Gain(
        String seeing,
        String blind,
        String kind,
        String task,
        double temperature,
        int gamma,
        int prompts,
        Difference tau,
        Difference alpha) {
    /** What the figures mean; stands beside them in the report. */
    public static final String MEANING =
            "The draft with the adapter against the one without, on the same prompts: τ = generated tokens / target"
                    + " passes (the prompt's left out), α = accepted / judged drafted tokens, each a ratio of sums over the"
                    + " prompts. The interval is of the difference: 95 % percentile bootstrap, prompts drawn with"
                    + " replacement, both drafts' answers to a prompt together.";

    private record Setting(double temperature, int gamma) {}

    private record Asked(String task, String prompt) {}

    /** Both drafts on one prompt. */
    private record Both(Asked asked, Outcome blind, Outcome seeing) {}

    /** Of every pair, kind, task and setting that an evaluation has prompts of; tasks alone where a kind has several. */
    public static List<Gain> of(Evaluation evaluation, long seed) {
        List<Gain> gains = new ArrayList<>();
        Set<Setting> settings = new LinkedHashSet<>();
        for (Outcome o : evaluation.outcomes()) settings.add(new Setting(o.temperature(), o.gamma()));
        for (Pair pair : evaluation.pairs()) {
            for (Setting setting : settings) of(pair, setting, both(evaluation, pair, setting), seed, gains);
        }
        return gains;
    }

    private static List<Both> both(Evaluation evaluation, Pair pair, Setting setting) {
        Map<Asked, Outcome> blind = outcomes(evaluation, pair.blind(), setting);
        List<Both> both = new ArrayList<>();
        outcomes(evaluation, pair.seeing(), setting).forEach((asked, seeing) -> {
            if (blind.containsKey(asked)) both.add(new Both(asked, blind.get(asked), seeing));
        });
        return both;
    }

    private static Map<Asked, Outcome> outcomes(Evaluation evaluation, String draft, Setting setting) {
        Map<Asked, Outcome> out = new LinkedHashMap<>();
        for (Outcome o : evaluation.outcomes()) {
            boolean wanted = o.draft().equals(draft) && new Setting(o.temperature(), o.gamma()).equals(setting);
            if (wanted) out.put(new Asked(o.task(), o.prompt()), o);
        }
        return out;
    }

    private static void of(Pair pair, Setting setting, List<Both> both, long seed, List<Gain> gains) {
        for (String kind : new LinkedHashSet<>(pair.kinds().values())) {
            List<String> tasks = pair.kinds().keySet().stream()
                    .filter(t -> pair.kinds().get(t).equals(kind)
                            && both.stream().anyMatch(b -> b.asked().task().equals(t)))
                    .toList();
            if (tasks.isEmpty()) continue;
            gains.add(of(pair, kind, Evaluation.ALL_TASKS, setting, some(both, tasks::contains), seed));
            if (tasks.size() == 1) continue;
            for (String task : tasks) gains.add(of(pair, kind, task, setting, some(both, task::equals), seed));
        }
    }

    private static List<Both> some(List<Both> both, Predicate<String> task) {
        return both.stream().filter(b -> task.test(b.asked().task())).toList();
    }

    private static Gain of(Pair pair, String kind, String task, Setting setting, List<Both> both, long seed) {
        Difference tau = Difference.of(
                both.stream()
                        .map(b -> new Difference.Counts(
                                b.blind().tokens(),
                                b.blind().passes(),
                                b.seeing().tokens(),
                                b.seeing().passes()))
                        .toList(),
                seed);
        Difference alpha = Difference.of(
                both.stream()
                        .map(b -> new Difference.Counts(
                                b.blind().accepted(),
                                b.blind().judged(),
                                b.seeing().accepted(),
                                b.seeing().judged()))
                        .toList(),
                seed);
        return new Gain(
                pair.seeing(),
                pair.blind(),
                kind,
                task,
                setting.temperature(),
                setting.gamma(),
                both.size(),
                tau,
                alpha);
    }
}
