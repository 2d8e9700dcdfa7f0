package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.KeptPrompt;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.speculate.Acceptance;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.decode.speculate.Tally;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Model;
import dev.outrider.recipes.report.Evaluation.Outcome;
import dev.outrider.recipes.report.Evaluation.Piece;
import dev.outrider.recipes.report.Evaluation.Row;
import dev.outrider.recipes.report.Evaluation.Sample;
import dev.outrider.trainer.telemetry.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.DoubleStream;

/**
 * Measures drafts against the target alone: per prompt the autoregressive answer, then every draft at
 * every γ, so that a machine's changing speed touches all alike. Under greedy decoding every answer is
 * compared with the autoregressive one.
 */
final class Evaluator {
    /**
     * @param id unique within its task
     * @param ids with BOS, and a placeholder for each picture
     * @param pictures that these stand for
     */
    record Prompt(String id, String task, String text, int[] ids, List<Picture> pictures) {}

    private record Setting(String draft, String task, double temperature, int gamma) {}

    private final Model targetModel;
    private final CausalModel target;
    private final Decoder decoder;
    private final Tokenizer tokenizer;
    private final List<Drafter> drafts;
    private final List<Model> models;
    private final List<Integer> gammas;
    private final double topP;
    private final Limits limits;
    private final long seed;
    private final Map<Setting, Tally> tallies = new LinkedHashMap<>();
    private final List<Sample> samples = new ArrayList<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final Function<Picture, String> thumbnail;
    /** Drafts whose answers are shown, and whose prompts are counted one by one. */
    private final Set<String> paired;

    private final Map<String, List<String>> shown = new LinkedHashMap<>();
    private long compared;
    private long identical;

    /**
     * @param ends tokens that end the target's texts
     * @param models of the drafts, in their order
     * @param paired drafts that are compared prompt by prompt
     * @param thumbnail a picture as reports show it
     */
    Evaluator(
            CausalModel target,
            Set<Integer> ends,
            Model targetModel,
            Tokenizer tokenizer,
            List<Drafter> drafts,
            List<Model> models,
            List<Integer> gammas,
            double topP,
            int maxTokens,
            long seed,
            Set<String> paired,
            Function<Picture, String> thumbnail) {
        this.paired = paired;
        this.thumbnail = thumbnail;
        this.targetModel = targetModel;
        this.models = models;
        this.target = new KeptPrompt(target);
        this.decoder = new Decoder(this.target);
        this.tokenizer = tokenizer;
        this.drafts = drafts;
        this.gammas = gammas;
        this.topP = topP;
        this.limits = new Limits(maxTokens, ends, List.of(), Optional.empty());
        this.seed = seed;
    }

    /** Runs all prompts at all temperatures, after {@link #warmUp}. */
    void measure(List<Prompt> prompts, List<Double> temperatures, Progress progress) {
        long done = 0, tokens = 0;
        for (int i = 0; i < prompts.size(); i++) {
            show(prompts.get(i));
            for (double temperature : temperatures) {
                tokens += one(prompts.get(i), temperature, seed + i);
                progress.update(++done, tokens, prompts.get(i).task());
            }
        }
    }

    /** The first runs are interpreted; they would count against whoever comes first. */
    void warmUp(Prompt prompt) {
        int longest = gammas.stream().max(Integer::compare).orElseThrow();
        show(prompt);
        for (int round = 0; round < 3; round++) {
            for (Sampling sampling : List.of(Sampling.GREEDY, sampling(1))) {
                decoder.autoregressive(prompt.ids(), sampling, limits, seed, Listener.NONE);
                for (Drafter d : drafts) {
                    decoder.speculative(prompt.ids(), d, longest, sampling, limits, seed, Listener.NONE);
                }
            }
        }
    }

    private void show(Prompt prompt) {
        target.show(prompt.pictures());
        drafts.forEach(d -> d.show(prompt.pictures()));
    }

    private long one(Prompt prompt, double temperature, long promptSeed) {
        Sampling sampling = sampling(temperature);
        Generation alone = decoder.autoregressive(prompt.ids(), sampling, limits, promptSeed, Listener.NONE);
        add("", prompt.task(), temperature, 0, alone);
        long tokens = alone.tokens().length;
        for (Drafter draft : drafts) {
            for (int gamma : gammas) {
                Generation g =
                        decoder.speculative(prompt.ids(), draft, gamma, sampling, limits, promptSeed, Listener.NONE);
                add(draft.name(), prompt.task(), temperature, gamma, g);
                if (paired.contains(draft.name()))
                    outcomes.add(Outcome.of(draft.name(), prompt.task(), prompt.id(), temperature, gamma, g));
                tokens += g.tokens().length;
                if (sampling.greedy()) compare(prompt, draft, gamma, alone, g);
            }
        }
        return tokens;
    }

    private Sampling sampling(double temperature) {
        return temperature == 0 ? Sampling.GREEDY : new Sampling(temperature, 0, topP, 0, 1);
    }

    private void compare(Prompt prompt, Drafter draft, int gamma, Generation alone, Generation with) {
        compared++;
        if (Arrays.equals(alone.tokens(), with.tokens())) identical++;
        if (gamma == middle() && shown(draft) && shown(prompt)) samples.add(sample(prompt, draft, gamma, with));
    }

    private boolean shown(Drafter draft) {
        return draft == drafts.getLast() || paired.contains(draft.name());
    }

    // The first two of each task.
    private boolean shown(Prompt prompt) {
        List<String> known = shown.computeIfAbsent(prompt.task(), _ -> new ArrayList<>());
        if (known.size() < 2 && !known.contains(prompt.id())) known.add(prompt.id());
        return known.contains(prompt.id());
    }

    private int middle() {
        return gammas.get(gammas.size() / 2);
    }

    private Sample sample(Prompt prompt, Drafter draft, int gamma, Generation g) {
        List<String> pictures = prompt.pictures().stream().map(thumbnail).toList();
        return new Sample(draft.name(), prompt.task(), gamma, prompt.text(), pieces(tokenizer, g), pictures);
    }

    static List<Piece> pieces(Tokenizer tokenizer, Generation g) {
        List<Piece> pieces = new ArrayList<>();
        var text = new dev.outrider.checkpoints.tokenizer.Detokenizer(tokenizer);
        for (int i = 0; i < g.tokens().length; i++) pieces.add(new Piece(text.push(g.tokens()[i]), g.drafted()[i]));
        return pieces;
    }

    private void add(String draft, String task, double temperature, int gamma, Generation g) {
        for (String t : List.of(task, Evaluation.ALL_TASKS)) {
            tallies.computeIfAbsent(new Setting(draft, t, temperature, gamma), s -> new Tally())
                    .add(g);
        }
    }

    long compared() {
        return compared;
    }

    long identical() {
        return identical;
    }

    List<Sample> samples() {
        return samples;
    }

    List<Outcome> outcomes() {
        return outcomes;
    }

    List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        tallies.forEach((s, tally) -> {
            if (s.gamma() > 0) rows.add(row(s, tally, tallies.get(new Setting("", s.task(), s.temperature(), 0))));
        });
        return rows;
    }

    private Row row(Setting s, Tally tally, Tally alone) {
        Model draft = models.stream()
                .filter(m -> m.name().equals(s.draft()))
                .findFirst()
                .orElseThrow();
        double c = (double) draft.parameters() / targetModel.parameters();
        double read = (double) draft.read() / targetModel.read();
        Tally.Interval interval = tally.interval(seed);
        double tau = tally.blockEfficiency();
        return new Row(
                s.draft(),
                s.task(),
                s.temperature(),
                s.gamma(),
                tau,
                interval.low(),
                interval.high(),
                c,
                tally.memoryBoundSpeedup(c, s.gamma()),
                read,
                tally.memoryBoundSpeedup(read, s.gamma()),
                tally.tokenRate(),
                alone.tokenRate(),
                tally.tokenRate() / alone.tokenRate(),
                tally.predictedSpeedup(alone),
                tally.costRatio(),
                byPosition(tally, true),
                byPosition(tally, false),
                tally.tokens(),
                tally.passes());
    }

    static List<Double> byPosition(Tally tally, boolean joint) {
        Acceptance a = tally.acceptance();
        return DoubleStream.iterate(1, p -> p <= a.positions(), p -> p + 1)
                .map(p -> joint ? a.joint((int) p) : a.conditional((int) p))
                .boxed()
                .toList();
    }
}
