package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Sight;
import dev.outrider.decode.speculate.Acceptance;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Tally;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Evaluate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.parity.Parity;
import dev.outrider.recipes.parity.ParityPack;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Model;
import dev.outrider.recipes.world.SeenTask;
import dev.outrider.trainer.telemetry.Progress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Measures drafters against the target alone, on prompts that were never trained on, or, where its answers were
 * recorded, by replaying them: {@code evaluation.json}.
 */
public final class EvaluateStage implements Stage {
    @Override
    public String name() {
        return "evaluate";
    }

    private static final int PARITY = 8;

    @Override
    public List<String> needs(Recipe recipe) {
        List<String> needs = new ArrayList<>(List.of("export", recorded(recipe) ? "generate" : "prompts"));
        if (Drafters.needTable(recipe)) needs.add("tables");
        if (Drafters.needCalibration(recipe)) needs.add("calibrate");
        return needs;
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(
                recipe.evaluate(), recipe.target().weights(), recipe.target().parameters(), recipe.device());
    }

    private static boolean recorded(Recipe recipe) {
        return !recipe.generate().recorded().isEmpty();
    }

    @Override
    public boolean runsModels() {
        return true;
    }

    @Override
    public void run(Run run) {
        if (recorded(run.recipe())) {
            Replays.evaluation(run).write(run.evaluation());
            return;
        }
        try (Device device = Models.device(run);
                Pictures pictures = run.recipe().looks() ? Pictures.of(run).orElse(null) : null;
                Sight sight = pictures == null ? null : pictures.looking(device)) {
            measure(run, device, Optional.ofNullable(pictures), Optional.ofNullable(sight));
        }
    }

    private static void measure(Run run, Device device, Optional<Pictures> pictures, Optional<Sight> sight) {
        Evaluate evaluate = run.recipe().evaluate();
        Tokenizer tokenizer = Models.tokenizer(run);
        List<Evaluator.Prompt> prompts =
                Corpus.evaluated(run, tokenizer, evaluate.prompts(), Models.positions(target(run)), pictures);
        int longest = prompts.stream().mapToInt(p -> length(p, pictures)).max().orElseThrow();
        int capacity = Math.max(longest + evaluate.maxTokens() + 1, Drafters.LEAST_CAPACITY);
        try (Opened target = Opened.of(
                        target(run),
                        device,
                        capacity,
                        sight,
                        run.recipe().target().weights());
                Drafters drafters = new Drafters(run, device, Optional.of(target), capacity)) {
            List<Drafter> measured = new ArrayList<>();
            List<Model> models = new ArrayList<>();
            for (String name : Drafters.measured(run.recipe())) {
                measured.add(drafters.drafter(name));
                models.add(drafters.model(name, measured.getLast()));
            }
            Evaluator evaluator = new Evaluator(
                    target.model(),
                    Set.copyOf(target.checkpoint().config().eosIds()),
                    target.model("target"),
                    tokenizer,
                    measured,
                    models,
                    evaluate.gammas(),
                    evaluate.topP(),
                    evaluate.maxTokens(),
                    run.recipe().seed(),
                    paired(evaluate),
                    picture -> pictures.map(p -> p.thumbnail(picture)).orElse(""));
            evaluator.warmUp(prompts.getFirst());
            int ticks = prompts.size() * evaluate.temperatures().size();
            try (Progress progress = new Progress(run.out(), "evaluate", 0, ticks, "tok")) {
                evaluator.measure(prompts, evaluate.temperatures(), progress);
            }
            Evaluation result = new Evaluation(
                    target.model("target"),
                    models,
                    evaluator.rows(),
                    evaluator.samples(),
                    evaluator.compared(),
                    evaluator.identical(),
                    definitions(),
                    device.name(),
                    pairs(evaluate, prompts),
                    evaluator.outcomes());
            result.write(run.evaluation());
            requireLossless(result);
            parity(run, prompts, result, device);
        }
    }

    // Tokens that the target reads of a prompt.
    private static int length(Evaluator.Prompt prompt, Optional<Pictures> pictures) {
        int rows = pictures.map(Pictures::rows).orElse(0);
        return prompt.ids().length + prompt.pictures().size() * (rows - 1);
    }

    private static Set<String> paired(Evaluate evaluate) {
        Set<String> names = new HashSet<>(evaluate.pairs().keySet());
        names.addAll(evaluate.pairs().values());
        return names;
    }

    private static List<Evaluation.Pair> pairs(Evaluate evaluate, List<Evaluator.Prompt> prompts) {
        Map<String, String> kinds = new LinkedHashMap<>();
        for (Evaluator.Prompt p : prompts) kinds.putIfAbsent(p.task(), kind(p));
        return evaluate.pairs().entrySet().stream()
                .map(pair -> new Evaluation.Pair(pair.getKey(), pair.getValue(), kinds))
                .toList();
    }

    // The world knows what its own tasks need.
    private static String kind(Evaluator.Prompt prompt) {
        return Stream.of(SeenTask.values())
                .filter(task -> task.label().equals(prompt.task()))
                .map(SeenTask::kind)
                .findFirst()
                .orElse(prompt.pictures().isEmpty() ? "has no picture" : "has a picture");
    }

    // What a user needs to see that nothing was lost on the way to his server.
    private static void parity(Run run, List<Evaluator.Prompt> prompts, Evaluation result, Device device) {
        String name = run.recipe().distill().name();
        List<Parity.Prompt> some = prompts.stream()
                .filter(p -> p.pictures().isEmpty())
                .limit(PARITY)
                .map(p -> new Parity.Prompt(p.text(), p.ids()))
                .toList();
        if (some.isEmpty()) {
            run.out().println("no parity pack: every prompt has a picture, and others are asked without");
            return;
        }
        List<ParityPack.Expected> expected = result.overall().stream()
                .filter(r -> r.draft().equals(name))
                .map(r -> new ParityPack.Expected(r.temperature(), r.gamma(), r.tau(), r.tauLow(), r.tauHigh()))
                .toList();
        Path draft = Models.exported(run, name);
        Parity.write(run.exported().resolve("parity"), target(run), draft, some, expected, device);
    }

    private static void requireLossless(Evaluation result) {
        if (result.identical() == result.compared()) return;
        throw Failure.of(
                Failure.Kind.DATA,
                "greedy speculative answers differ from autoregressive ones in "
                        + (result.compared() - result.identical()) + " of " + result.compared()
                        + " cases: the engine is broken on this machine, please report it");
    }

    private static Path target(Run run) {
        return run.recipe().target().checkpoint().orElse(run.exported().resolve("target"));
    }

    private static Map<String, String> definitions() {
        Map<String, String> d = new LinkedHashMap<>();
        d.put("τ", Tally.BLOCK_EFFICIENCY);
        d.put("MBSU", Tally.MEMORY_BOUND_SPEEDUP);
        d.put(
                "MBSU by reads",
                "the same with c = parameters that the draft reads for a token / those that the target reads: without"
                        + " the embedding where it is only looked up in (a head of its own stands beside it).");
        d.put("token rate", Tally.TOKEN_RATE);
        d.put(
                "ratio",
                "token rate with the draft / token rate of the same engine without one, same prompts, same run.");
        d.put("cost", Tally.COST_RATIO);
        d.put("predicted", Tally.PREDICTED);
        d.put("joint", Acceptance.JOINT);
        d.put("conditional", Acceptance.CONDITIONAL);
        d.put("interval", Tally.INTERVAL);
        return d;
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.folder());
    }

    @Override
    public void clean(Run run) {}
}
