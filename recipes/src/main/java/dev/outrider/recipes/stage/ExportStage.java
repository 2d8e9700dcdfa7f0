package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Writes target (where it was trained here) and drafts as Hugging Face directories. */
public final class ExportStage implements Stage {
    @Override
    public String name() {
        return "export";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return List.of("distill");
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.export());
    }

    @Override
    public void run(Run run) {
        DType dtype = DType.valueOf(run.recipe().export().dtype().name());
        if (run.recipe().target().checkpoint().isEmpty()) {
            write(run, Models.target(run), run.exported().resolve("target"), dtype);
        }
        write(run, Models.last(run.pretrainRun()), run.exported().resolve("draft-pretrained"), dtype);
        write(run, Models.last(run.distillRun()), run.exported().resolve("draft-aligned"), dtype);
    }

    private static void write(Run run, Path from, Path to, DType dtype) {
        try (Checkpoint checkpoint = Checkpoint.open(from)) {
            Tokenizer tokenizer = checkpoint.requireTokenizer();
            List<Tensor> tensors =
                    checkpoint.names().stream().map(checkpoint::tensor).toList();
            HuggingFace.write(
                    to,
                    checkpoint.config(),
                    tensors,
                    dtype,
                    Optional.of(tokenizer),
                    Optional.of(run.provenance("", from.toString())));
            run.out().println(to + "  " + dtype + "  from " + from);
        }
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.exported());
    }
}
