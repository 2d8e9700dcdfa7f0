package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Distill;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.Source;
import dev.outrider.trainer.Validation;
import dev.outrider.trainer.layer.LlamaGraph;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One alignment: the draft that it starts from is brought to the target's law, on the target's own answers and some of
 * the text.
 *
 * @param name of the stage, and of the folder in the run
 */
public record AlignStage(String name, Distill alignment) implements Stage {
    @Override
    public List<String> needs(Recipe recipe) {
        List<String> needs = new ArrayList<>(List.of("pretrain", "generate"));
        if (alignment.share() < 1) needs.add("data");
        recipe.allAlignments().stream()
                .filter(other -> other.name().equals(alignment.start()))
                .forEach(start -> needs.add(recipe.place(start)));
        return needs;
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(alignment.essence());
    }

    @Override
    public void run(Run run) {
        Tokenizer tokenizer = Models.tokenizer(run);
        Path from = Models.draft(run, alignment.start());
        try (CpuDevice device = Models.device(run);
                Shards answers = Shards.open(run.alignment().resolve("train"));
                Shards heldOut = Shards.open(run.alignment().resolve("valid"));
                Shards text = alignment.share() < 1 ? Shards.open(run.text().resolve("train")) : null;
                Checkpoint start = Checkpoint.open(from);
                Losses losses = Losses.of(run, alignment, device, answers.length());
                LlamaGraph graph = LlamaGraph.from(start, device)) {
            run.out().println(Losses.use(answers, start));
            List<Source> sources = new ArrayList<>(List.of(losses.distillation(answers, graph)));
            if (text != null) {
                sources.add(Losses.text(text, run.recipe().seed() + 2, device, 1 - alignment.share(), graph));
            }
            Optional<Validation> validation = Optional.of(losses.validation(heldOut, graph));
            TrainingRun.train(
                    run,
                    alignment.name(),
                    run.alignmentRun(alignment),
                    graph,
                    alignment.training(),
                    sources,
                    validation,
                    tokenizer,
                    run.provenance(answers.manifest().hash(), from.toString()));
        }
    }

    @Override
    public void clean(Run run) {
        Models.setAside(run, run.alignmentRun(alignment));
    }

    @Override
    public boolean saves() {
        return true;
    }
}
