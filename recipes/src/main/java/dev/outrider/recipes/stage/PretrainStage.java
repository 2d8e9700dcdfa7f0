package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.layer.LlamaGraph;
import java.util.List;

/** Pre-trains the draft: next-token loss on the recipe's text. */
public final class PretrainStage implements Stage {
    @Override
    public String name() {
        return "pretrain";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("data");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.draft(), recipe.pretrain().essence());
    }

    @Override
    public void run(Run run) {
        Tokenizer tokenizer = Models.tokenizer(run);
        long seed = run.recipe().seed();
        var config = run.recipe()
                .draft()
                .config(Models.vocabulary(run, tokenizer), tokenizer.bosId(), Models.eos(run, tokenizer));
        try (CpuDevice device = Models.device(run);
                Shards train = Shards.open(run.text().resolve("train"));
                Shards valid = Shards.open(run.text().resolve("valid"));
                // Another stream than the target's: equal shapes must not begin equal.
                LlamaGraph graph = LlamaGraph.create(config, device, seed + 1)) {
            TrainingRun.train(
                    run,
                    "draft",
                    run.pretrainRun(),
                    graph,
                    run.recipe().pretrain(),
                    List.of(Losses.text(train, seed + 1, device, 1)),
                    Losses.textValidation(valid, run.recipe().pretrain(), device),
                    tokenizer,
                    run.provenance(train.manifest().hash(), ""));
        }
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
