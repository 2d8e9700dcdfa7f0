package dev.outrider.recipes.stage;

import dev.outrider.data.answers.RecordedAnswers;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.speculate.Acceptance;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Recorded;
import dev.outrider.decode.speculate.Replay;
import dev.outrider.decode.speculate.Tally;
import dev.outrider.recipes.Recipe.Evaluate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Model;
import dev.outrider.recipes.report.Evaluation.Row;
import dev.outrider.recipes.report.Evaluation.Sample;
import dev.outrider.trainer.telemetry.Progress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Measures drafters by the answers that were held out ({@code alignment/test}), without the target: tokens per pass and what
 * follows from them, no times.
 */
final class Replays {
    private static final int SAMPLES = 3;

    private final Run run;
    private final Models.Language language;
    private final List<Recorded> answers;
    private final long parameters;
    private final List<Row> rows = new ArrayList<>();
    private final List<Sample> samples = new ArrayList<>();

    private Replays(Run run) {
        this.run = run;
        this.language = Models.language(run);
        this.parameters = Models.parameters(run);
        try (Shards test = Shards.open(run.alignment().resolve("test"))) {
            this.answers = RecordedAnswers.of(test);
        }
    }

    static Evaluation evaluation(Run run) {
        return new Replays(run).evaluation();
    }

    private Evaluation evaluation() {
        List<String> names = Drafters.measured(run.recipe());
        Evaluate evaluate = run.recipe().evaluate();
        List<Model> models = new ArrayList<>();
        List<Replay> replays = evaluate.gammas().stream().map(this::replay).toList();
        Drafter drafter = null;
        try (Device device = Models.device(run);
                Drafters drafters = new Drafters(run, device, Optional.empty(), longest() + 1);
                Progress progress = new Progress(run.out(), "replay", 0, names.size(), "tok")) {
            for (String name : names) {
                drafter = drafters.drafter(name);
                models.add(drafters.model(name, drafter));
                List<Tally> tallies = Replay.tallies(replays, drafter, drafters.ahead(answers));
                for (int i = 0; i < replays.size(); i++) {
                    rows.add(row(drafter, evaluate.gammas().get(i), tallies.get(i)));
                }
                progress.update(models.size(), (double) rows.size() * tokens(), drafter.name());
            }
            sample(drafter, drafters.ahead(answers.subList(0, Math.min(SAMPLES, answers.size()))));
            return new Evaluation(target(), models, rows, samples, 0, 0, definitions(), device.name());
        }
    }

    private int longest() {
        return answers.stream()
                .mapToInt(r -> r.prompt().length + r.answer().length)
                .max()
                .orElseThrow();
    }

    private long tokens() {
        return answers.stream().mapToLong(r -> r.answer().length).sum();
    }

    private Replay replay(int gamma) {
        return new Replay(
                gamma, Set.copyOf(language.eos()), run.recipe().evaluate().maxTokens());
    }

    private Row row(Drafter drafter, int gamma, Tally tally) {
        Tally.Interval interval = tally.interval(run.recipe().seed());
        double c = (double) drafter.parameters() / parameters;
        return Row.replayed(
                drafter.name(),
                gamma,
                tally.blockEfficiency(),
                interval.low(),
                interval.high(),
                c,
                tally.memoryBoundSpeedup(c, gamma),
                Evaluator.byPosition(tally, true),
                Evaluator.byPosition(tally, false),
                tally.tokens(),
                tally.passes());
    }

    private void sample(Drafter drafter, Iterable<Recorded> some) {
        List<Integer> gammas = run.recipe().evaluate().gammas();
        int gamma = gammas.get(gammas.size() / 2);
        for (Recorded answer : some) {
            Generation g = replay(gamma).generation(drafter, answer);
            samples.add(new Sample(
                    drafter.name(),
                    Evaluation.ALL_TASKS,
                    gamma,
                    language.tokenizer().decode(answer.prompt()),
                    Evaluator.pieces(language.tokenizer(), g)));
        }
    }

    private Model target() {
        String path = Models.spoken(run).toString();
        return new Model("target", path, parameters, parameters, "recorded answers", "");
    }

    private Map<String, String> definitions() {
        Map<String, String> d = new LinkedHashMap<>();
        d.put(
                "replay",
                String.format(
                        Locale.ROOT,
                        "the target was not there. %,d of its greedy answers, %,d tokens, about images (or questions) that"
                                + " nothing was trained on, stand for it: every pass is the one that it would have made.",
                        answers.size(),
                        tokens()));
        d.put("τ", Tally.BLOCK_EFFICIENCY);
        d.put("MBSU", Tally.MEMORY_BOUND_SPEEDUP);
        d.put("joint", Acceptance.JOINT);
        d.put("conditional", Acceptance.CONDITIONAL);
        d.put("interval", Tally.INTERVAL);
        return d;
    }
}
