package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Sight;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Shape;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.RowPictures;
import dev.outrider.trainer.Source;
import dev.outrider.trainer.Validation;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.CrossEntropy;
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
        if (recipe.target().given().isPresent()) return List.of();
        return recipe.trainsSeeing() ? List.of("data", "pictures") : List.of("data");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(
                recipe.target().given(),
                recipe.target().shape(),
                recipe.target().training().map(Training::essence),
                recipe.target().adapter(),
                recipe.trainsSeeing() ? recipe.target().seenShare() : 0);
    }

    @Override
    public Precision precision(Recipe recipe) {
        return recipe.target().training().map(Training::precision).orElse(Precision.F32);
    }

    @Override
    public void run(Run run) {
        if (run.recipe().target().given().isPresent()) {
            run.out().println("given: " + Models.spoken(run));
            return;
        }
        try (CpuDevice device = Models.device(run, precision(run.recipe()))) {
            if (run.recipe().trainsSeeing()) seeing(run, device);
            else blind(run, device);
        }
    }

    private static void blind(Run run, CpuDevice device) {
        Training training = run.recipe().target().training().orElseThrow();
        long seed = run.recipe().seed();
        try (Shards train = Shards.open(run.text().resolve("train"));
                Shards valid = Shards.open(run.text().resolve("valid"));
                LlamaGraph graph = LlamaGraph.create(shape(run), device, seed)) {
            Source text = Losses.text(train, seed, device, 1, graph);
            train(run, graph, List.of(text), Losses.textValidation(valid, training, device, graph), train);
        }
    }

    /** Text and dialogues about pictures in every batch; validated on the dialogues. */
    private static void seeing(Run run, CpuDevice device) {
        Recipe.Target target = run.recipe().target();
        Training training = target.training().orElseThrow();
        ModelConfig shape = shape(run);
        VisionConfig eyes =
                Pictures.eyes(run, target.adapter().orElseThrow(), shape.hiddenSize(), Models.tokenizer(run));
        long seed = run.recipe().seed();
        try (Pictures pictures = Pictures.before(run, eyes);
                Sight sight = pictures.training(device);
                Shards text = Shards.open(run.text().resolve("train"));
                Shards seen = Shards.open(run.seen().resolve("train"));
                Shards valid = Shards.open(run.seen().resolve("valid"));
                LlamaGraph graph = LlamaGraph.create(shape, Optional.empty(), eyes, device, seed)) {
            graph.look(sight);
            RowPictures rows = new RowPictures(pictures::kept, graph.pictureRows(), shape.maxPositions());
            CrossEntropy loss = new CrossEntropy(device.threads(), graph.outputs());
            Source dialogues = new Source(
                    "seen", Source.Rows.of(seen, new Shuffle(seen.rows(), seed + 5), rows), loss, target.seenShare());
            Validation validation =
                    new Validation(valid, loss, training.validationRows(), Losses.passes(training), Optional.of(rows));
            List<Source> sources = List.of(dialogues, Losses.text(text, seed, device, 1 - target.seenShare(), graph));
            train(run, graph, sources, validation, seen);
        }
    }

    private static ModelConfig shape(Run run) {
        Tokenizer tokenizer = Models.tokenizer(run);
        Shape shape = run.recipe().target().shape().orElseThrow();
        return shape.config(tokenizer.size(), tokenizer.bosId(), List.of(tokenizer.eosId()));
    }

    private static void train(Run run, LlamaGraph graph, List<Source> sources, Validation validation, Shards data) {
        TrainingRun.train(
                run,
                "target",
                run.targetRun(),
                graph,
                run.recipe().target().training().orElseThrow(),
                sources,
                Optional.of(validation),
                Models.tokenizer(run),
                run.provenance(data.manifest().hash(), ""));
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
