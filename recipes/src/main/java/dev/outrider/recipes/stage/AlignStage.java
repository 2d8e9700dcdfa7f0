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
import dev.outrider.trainer.Teacher;
import dev.outrider.trainer.Validation;
import dev.outrider.trainer.layer.LlamaGraph;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Aligns the pre-trained draft with the target, on the target's own answers and some of the text. */
public final class AlignStage implements Stage {
    @Override
    public String name() {
        return "distill";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("pretrain", "generate");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.distill().essence());
    }

    @Override
    public void run(Run run) {
        Tokenizer tokenizer = Models.tokenizer(run);
        Distill distill = run.recipe().distill();
        Path pretrained = Models.last(run.pretrainRun());
        try (CpuDevice device = Models.device(run);
                Shards answers = Shards.open(run.alignment().resolve("train"));
                Shards heldOut = Shards.open(run.alignment().resolve("valid"));
                Shards text = Shards.open(run.text().resolve("train"));
                Checkpoint start = Checkpoint.open(pretrained);
                Teacher teacher = Losses.teacher(Models.target(run), device, answers.length());
                LlamaGraph graph = LlamaGraph.from(start, device)) {
            List<Source> sources = new ArrayList<>();
            sources.add(
                    Losses.distillation(answers, distill, teacher, run.recipe().seed(), device));
            if (distill.share() < 1) {
                sources.add(Losses.text(text, run.recipe().seed() + 2, device, 1 - distill.share()));
            }
            Validation validation = Losses.answerValidation(heldOut, distill, teacher, device);
            TrainingRun.train(
                    run,
                    "align",
                    run.distillRun(),
                    graph,
                    distill.training(),
                    sources,
                    validation,
                    tokenizer,
                    run.provenance(answers.manifest().hash(), pretrained.toString()));
        }
    }

    @Override
    public void clean(Run run) {
        Models.setAside(run, run.distillRun());
    }

    @Override
    public boolean saves() {
        return true;
    }
}
