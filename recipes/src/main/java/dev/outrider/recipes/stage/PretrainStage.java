package dev.outrider.recipes.stage;

import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.Source;
import dev.outrider.trainer.Validation;
import dev.outrider.trainer.layer.LlamaGraph;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes the draft and pre-trains it: next-token loss on the recipe's text. With 0 steps it stays as it begins. */
public final class PretrainStage implements Stage {
    @Override
    public String name() {
        return "pretrain";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        List<String> needs = new ArrayList<>();
        if (recipe.pretrain().steps() > 0) needs.add("data");
        if (Begin.fromTarget(recipe.draft())) needs.add("target");
        if (Begin.fromAnswers(recipe.draft())) needs.add("generate");
        return needs;
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.draft(), recipe.pretrain().essence());
    }

    @Override
    public Precision precision(Recipe recipe) {
        return recipe.pretrain().precision();
    }

    @Override
    public void run(Run run) {
        Training training = run.recipe().pretrain();
        try (CpuDevice device = Models.device(run, precision(run.recipe()));
                LlamaGraph graph = Begin.graph(run, device)) {
            if (training.steps() == 0) {
                train(run, graph, List.of(), Optional.empty(), "");
                return;
            }
            try (Shards train = Shards.open(run.text().resolve("train"));
                    Shards valid = Shards.open(run.text().resolve("valid"))) {
                train(
                        run,
                        graph,
                        // Another stream than the target's: equal shapes must not begin equal.
                        List.of(Losses.text(train, run.recipe().seed() + 1, device, 1, graph)),
                        Optional.of(Losses.textValidation(valid, training, device, graph)),
                        train.manifest().hash());
            }
        }
    }

    private static void train(
            Run run, LlamaGraph graph, List<Source> sources, Optional<Validation> validation, String dataHash) {
        TrainingRun.train(
                run,
                "draft",
                run.pretrainRun(),
                graph,
                run.recipe().pretrain(),
                sources,
                validation,
                Models.tokenizer(run),
                run.provenance(dataHash, ""));
    }

    @Override
    public void clean(Run run) {
        Models.setAside(run, run.pretrainRun());
    }

    @Override
    public boolean saves() {
        return true;
    }
}
