package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Sight;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.Distill;
import dev.outrider.recipes.Recipe.Laws;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.Initial;
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
        List<Object> settings = new ArrayList<>(List.of(alignment.essence()));
        if (alignment.laws() == Laws.ONLINE) settings.addAll(Models.heldTarget(recipe));
        return settings;
    }

    @Override
    public Precision precision(Recipe recipe) {
        return alignment.training().precision();
    }

    @Override
    public void run(Run run) {
        try (CpuDevice device = Models.device(run, precision(run.recipe()));
                Pictures pictures = run.recipe().looks() ? Pictures.of(run).orElse(null) : null;
                Sight sight = pictures == null ? null : pictures.training(device)) {
            align(run, device, Optional.ofNullable(pictures), Optional.ofNullable(sight));
        }
    }

    private void align(Run run, CpuDevice device, Optional<Pictures> pictures, Optional<Sight> sight) {
        Path from = Models.draft(run, alignment.start());
        try (Shards answers = Shards.open(run.alignment().resolve("train"));
                Shards heldOut = Shards.open(run.alignment().resolve("valid"));
                Shards text = alignment.share() < 1 ? Shards.open(run.text().resolve("train")) : null;
                Losses losses = Losses.of(run, alignment, device, List.of(answers, heldOut), pictures, sight);
                LlamaGraph graph = begin(run, from, pictures).graph(device)) {
            sight.ifPresent(graph::look);
            graph.freezeLanguage(alignment.frozen());
            run.out().println(use(answers, from));
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
                    Models.tokenizer(run),
                    run.provenance(answers.manifest().hash(), from.toString()));
        }
    }

    private static String use(Shards answers, Path draft) {
        try (Checkpoint start = Checkpoint.open(draft)) {
            return Losses.use(answers, start);
        }
    }

    /** The draft that it starts from; with an adapter where it is to have one from here on. */
    private Initial begin(Run run, Path from, Optional<Pictures> pictures) {
        Initial.From start = new Initial.From(from, Optional.empty());
        if (alignment.adapter().isEmpty()) return start;
        Recipe.Adapter adapter = alignment.adapter().get();
        Pictures seen = pictures.orElseThrow(() -> Failure.usage(
                "alignment " + alignment.name() + ", adapter",
                "a target that cannot see: " + Models.target(run),
                "a LLaVA, whose tower the draft shares",
                "Leave the adapter out, or give another target."));
        VisionConfig eyes = seen.eyes()
                .adapter(
                        start.config().hiddenSize(),
                        adapter.pool(),
                        Optional.of(seen.tower().path().toAbsolutePath().toString()));
        boolean subcloned = adapter.from() == Recipe.AdapterStart.TARGET;
        return new Initial.Seeing(
                start,
                eyes,
                subcloned ? Optional.of(Models.target(run)) : Optional.empty(),
                run.recipe().seed() + 6);
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
