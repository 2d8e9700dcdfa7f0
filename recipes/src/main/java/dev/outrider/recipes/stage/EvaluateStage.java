package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Acceptance;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.NgramDraft;
import dev.outrider.decode.speculate.Tally;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Evaluate;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.recipes.parity.Parity;
import dev.outrider.recipes.parity.ParityPack;
import dev.outrider.recipes.report.Evaluation;
import dev.outrider.recipes.report.Evaluation.Model;
import dev.outrider.trainer.telemetry.Progress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures the bigram table, the pre-trained and the aligned draft on prompts that were never trained on:
 * {@code evaluation.json}.
 */
public final class EvaluateStage implements Stage {
    @Override
    public String name() {
        return "evaluate";
    }

    private static final int PARITY = 8;

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("export");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.evaluate());
    }

    @Override
    public void run(Run run) {
        Evaluate evaluate = run.recipe().evaluate();
        Tokenizer tokenizer = Models.tokenizer(run);
        List<Evaluator.Prompt> prompts = Corpus.heldOut(run, tokenizer, evaluate.prompts());
        int longest = prompts.stream().mapToInt(p -> p.ids().length).max().orElseThrow();
        int capacity = longest + evaluate.maxTokens() + 1;
        Path aligned = run.exported().resolve("draft-aligned"),
                base = run.exported().resolve("draft-pretrained");
        try (CpuDevice device = Models.device(run);
                Opened target = Opened.of(target(run), device, capacity);
                Opened pretrained = Opened.of(base, device, capacity);
                Opened best = Opened.of(aligned, device, capacity)) {
            pretrained.requireTokenizerOf(target);
            best.requireTokenizerOf(target);
            List<Drafter> drafts = List.of(
                    bigrams(run, target.llama().vocabulary()),
                    new NeuralDraft("pretrained", pretrained.llama(), pretrained.parameters()),
                    new NeuralDraft("aligned", best.llama(), best.parameters()));
            Evaluator evaluator = new Evaluator(
                    target.llama(),
                    tokenizer,
                    drafts,
                    evaluate.gammas(),
                    evaluate.topP(),
                    evaluate.maxTokens(),
                    run.recipe().seed());
            int ticks = prompts.size() * evaluate.temperatures().size();
            try (Progress progress = new Progress(run.out(), "evaluate", 0, ticks, "tok")) {
                evaluator.measure(prompts, evaluate.temperatures(), progress);
            }
            List<Model> models =
                    List.of(new Model("bigram", "", 0, ""), pretrained.model("pretrained"), best.model("aligned"));
            Evaluation result = new Evaluation(
                    target.model("target"),
                    models,
                    evaluator.rows(),
                    evaluator.samples(),
                    evaluator.compared(),
                    evaluator.identical(),
                    definitions(),
                    device.name());
            result.write(run.evaluation());
            requireLossless(result);
            parity(run, prompts, result, device);
        }
    }

    // What a user needs to see that nothing was lost on the way to his server.
    private static void parity(Run run, List<Evaluator.Prompt> prompts, Evaluation result, CpuDevice device) {
        List<Parity.Prompt> some = prompts.stream()
                .limit(PARITY)
                .map(p -> new Parity.Prompt(p.text(), p.ids()))
                .toList();
        List<ParityPack.Expected> expected = result.overall().stream()
                .filter(r -> r.draft().equals("aligned"))
                .map(r -> new ParityPack.Expected(r.temperature(), r.gamma(), r.tau(), r.tauLow(), r.tauHigh()))
                .toList();
        Path draft = run.exported().resolve("draft-aligned");
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

    /** Counted on the very rows that the draft is aligned on. */
    private static Drafter bigrams(Run run, int vocabulary) {
        try (Shards answers = Shards.open(run.alignment().resolve("train"))) {
            List<int[]> texts = new ArrayList<>();
            byte[] mask = new byte[answers.length()];
            for (long row = 0; row < answers.rows(); row++) {
                int[] tokens = new int[answers.length()];
                answers.read(row, tokens, 0, mask, 0);
                texts.add(java.util.Arrays.copyOf(tokens, supervisedEnd(mask)));
            }
            return new NgramDraft(NgramTable.of(vocabulary, 2, texts));
        }
    }

    // What follows the last supervised token is padding.
    private static int supervisedEnd(byte[] mask) {
        int end = mask.length;
        while (end > 0 && mask[end - 1] == 0) end--;
        return end;
    }

    private static Map<String, String> definitions() {
        Map<String, String> d = new LinkedHashMap<>();
        d.put("τ", Tally.BLOCK_EFFICIENCY);
        d.put("MBSU", Tally.MEMORY_BOUND_SPEEDUP);
        d.put("token rate", Tally.TOKEN_RATE);
        d.put(
                "ratio",
                "token rate with the draft / token rate of the same engine without one, same prompts, same run.");
        d.put("cost", Tally.COST_RATIO);
        d.put(
                "predicted",
                "τ / (γ · measured cost ratio + 1): the ratio if a verifying pass cost as much as a plain one.");
        d.put("joint", Acceptance.JOINT);
        d.put("conditional", Acceptance.CONDITIONAL);
        d.put("interval", Tally.INTERVAL);
        return d;
    }

    /** A model opened for decoding. */
    private record Opened(Checkpoint checkpoint, LlamaWeights weights, Llama llama) implements AutoCloseable {
        static Opened of(Path path, Device device, int capacity) {
            Checkpoint checkpoint = Checkpoint.open(path);
            LlamaWeights weights = LlamaWeights.load(device, checkpoint);
            int room = Math.min(capacity, checkpoint.config().maxPositions());
            return new Opened(checkpoint, weights, new Llama(device, weights, room));
        }

        void requireTokenizerOf(Opened target) {
            Compatibility.require(
                    checkpoint.path().toString(),
                    checkpoint.requireTokenizer(),
                    target.checkpoint.path().toString(),
                    target.checkpoint.requireTokenizer());
        }

        long parameters() {
            return checkpoint.config().parameters();
        }

        Model model(String name) {
            return new Model(name, checkpoint.path().toString(), parameters(), checkpoint.hash());
        }

        @Override
        public void close() {
            llama.close();
            weights.close();
            checkpoint.close();
        }
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of(run.folder());
    }

    @Override
    public void clean(Run run) {}
}
