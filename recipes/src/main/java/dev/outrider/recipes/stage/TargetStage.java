package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Shape;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.layer.LlamaGraph;
import java.util.List;
import java.util.Optional;

/** Trains a target on the recipe's text, where none is given. */
public final class TargetStage implements Stage {
    @Override
    public String name() {
        return "target";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return recipe.target().given().isPresent() ? List.of() : List.of("data");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(
                recipe.target().given(),
                recipe.target().shape(),
                recipe.target().training().map(Training::essence));
    }

    @Override
    public void run(Run run) {
        if (run.recipe().target().given().isPresent()) {
            run.out().println("given: " + Models.spoken(run));
            return;
        }
        Shape shape = run.recipe().target().shape().orElseThrow();
        Training training = run.recipe().target().training().orElseThrow();
        Tokenizer tokenizer = Models.tokenizer(run);
        try (CpuDevice device = Models.device(run);
                Shards train = Shards.open(run.text().resolve("train"));
                Shards valid = Shards.open(run.text().resolve("valid"));
                LlamaGraph graph = LlamaGraph.create(
                        shape.config(tokenizer.size(), tokenizer.bosId(), List.of(tokenizer.eosId())),
                        device,
                        run.recipe().seed())) {
            TrainingRun.train(
                    run,
                    "target",
                    run.targetRun(),
                    graph,
                    training,
                    List.of(Losses.text(train, run.recipe().seed(), device, 1, graph)),
                    Optional.of(Losses.textValidation(valid, training, device, graph)),
                    tokenizer,
                    run.provenance(train.manifest().hash(), ""));
        }
    }

    @Override
    public void clean(Run run) {
        Models.setAside(run, run.targetRun());
    }

    @Override
    public boolean saves() {
        return true;
    }
}
