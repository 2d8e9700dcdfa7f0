package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Conversion;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.GgufType;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.LlavaFiles.Eyes;
import dev.outrider.checkpoints.LlavaFiles.TowerTensors;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.VocabularyPadding;
import dev.outrider.checkpoints.VocabularyPadding.Padded;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Writes target (where it was trained here) and drafts as Hugging Face directories, the drafts as GGUF and with as
 * many rows as a server asks for as well.
 */
public final class ExportStage implements Stage {
    @Override
    public String name() {
        return "export";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return recipe.allAlignments().stream().map(recipe::place).toList();
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.export(), Models.drafts(recipe));
    }

    @Override
    public void run(Run run) {
        DType dtype = DType.valueOf(run.recipe().export().dtype().name());
        if (run.recipe().target().given().isEmpty()) {
            try (Checkpoint checkpoint = Checkpoint.open(Models.target(run))) {
                target(run, checkpoint, run.exported().resolve("target"), dtype);
            }
        }
        for (String draft : Models.drafts(run.recipe())) {
            draft(run, Models.draft(run, draft), Models.exported(run, draft));
        }
    }

    private static void draft(Run run, Path from, Path to) {
        DType dtype = DType.valueOf(run.recipe().export().dtype().name());
        Recipe.Export export = run.recipe().export();
        try (Checkpoint checkpoint = Checkpoint.open(from)) {
            boolean pad = export.padVocabulary() > 0;
            directory(run, checkpoint, plain(checkpoint), to, dtype);
            if (pad) directory(run, checkpoint, full(checkpoint, export), Models.padded(to), dtype);
            Padded gguf = pad || checkpoint.config().pruned() ? full(checkpoint, export) : plain(checkpoint);
            for (Recipe.GgufStored type : export.gguf()) {
                gguf(
                        run,
                        checkpoint,
                        gguf,
                        to.resolveSibling(to.getFileName() + "-" + type.name().toLowerCase(Locale.ROOT) + ".gguf"),
                        type);
            }
        }
    }

    private static Padded plain(Checkpoint checkpoint) {
        return new Padded(checkpoint.config(), tensors(checkpoint));
    }

    // Other servers know no drafts that say only some tokens: these have a row for every token as well.
    private static Padded full(Checkpoint checkpoint, Recipe.Export export) {
        ModelConfig config = checkpoint.config();
        int rows = export.padVocabulary() > 0 ? export.padVocabulary() : config.vocabSize();
        return checkpoint
                .outputs()
                .map(outputs -> VocabularyPadding.spread(rows, config, tensors(checkpoint), outputs))
                .orElseGet(() -> VocabularyPadding.to(rows, config, tensors(checkpoint)));
    }

    private static List<Tensor> tensors(Checkpoint checkpoint) {
        return checkpoint.names().stream().map(checkpoint::tensor).toList();
    }

    private static void directory(Run run, Checkpoint checkpoint, Padded model, Path to, DType dtype) {
        Optional<Eyes> adapter =
                checkpoint.vision().map(v -> new Eyes(elsewhere(run, v.config()), projector(v), Optional.empty()));
        write(run, checkpoint, model, adapter, Optional.empty(), to, dtype);
    }

    /** The target that was trained here: with its tower in it where it sees, and its layout has words for that. */
    private static void target(Run run, Checkpoint checkpoint, Path to, DType dtype) {
        if (!whole(checkpoint)) {
            directory(run, checkpoint, plain(checkpoint), to, dtype);
            return;
        }
        Vision vision = checkpoint.vision().get();
        Tower tower = vision.tower();
        List<Tensor> tensors = tower.names().stream().map(tower::tensor).toList();
        Eyes eyes = new Eyes(
                vision.config().whole(imageId(checkpoint)),
                projector(vision),
                Optional.of(new TowerTensors(tower.config(), tensors)));
        Optional<ImagePreprocessing> preprocessing = Optional.of(ImagePreprocessing.read(tower.path()));
        write(run, checkpoint, plain(checkpoint), Optional.of(eyes), preprocessing, to, dtype);
    }

    private static void write(
            Run run,
            Checkpoint checkpoint,
            Padded model,
            Optional<Eyes> eyes,
            Optional<ImagePreprocessing> preprocessing,
            Path to,
            DType dtype) {
        Optional<Tokenizer> tokenizer = Optional.of(checkpoint.requireTokenizer());
        Optional<Provenance> from =
                Optional.of(run.provenance("", checkpoint.path().toString()));
        AtomicFiles.directory(to, folder -> {
            if (eyes.isEmpty()) {
                HuggingFace.writeFiles(folder, model.config(), model.tensors(), dtype, tokenizer, from);
            } else {
                LlavaFiles.writeFiles(folder, model.config(), model.tensors(), eyes.get(), dtype, tokenizer, from);
            }
            if (preprocessing.isPresent()) preprocessing.get().write(folder);
            Optional<ChatTemplate> template = template(run);
            if (template.isPresent())
                Files.writeString(
                        folder.resolve(ChatTemplate.FILE), template.get().source());
        });
        run.out().println(to + "  " + dtype + "  from " + checkpoint.path());
    }

    /** The target's, which its drafts are trained on; a trained target has none unless the recipe names it. */
    private static Optional<ChatTemplate> template(Run run) {
        Recipe.Target target = run.recipe().target();
        return target.chatTemplate()
                .map(ChatTemplate::named)
                .or(() -> target.given().flatMap(ChatTemplate::find));
    }

    private static boolean whole(Checkpoint checkpoint) {
        return checkpoint
                        .vision()
                        .map(v -> v.config().pool() == 1 && v.config().matrices() == 2)
                        .orElse(false)
                && imageId(checkpoint) >= 0;
    }

    private static int imageId(Checkpoint checkpoint) {
        return checkpoint.requireTokenizer().specialId(ChatTokens.PICTURE);
    }

    private static List<Tensor> projector(Vision vision) {
        return vision.projectorNames().stream().map(vision::projector).toList();
    }

    // The tower of a target that is exported beside the draft moves with it.
    private static VisionConfig elsewhere(Run run, VisionConfig config) {
        boolean beside = run.recipe().target().given().isEmpty()
                && Files.exists(run.exported().resolve("target"));
        return beside ? config.lookingThrough(Optional.of("../target")) : config;
    }

    private static void gguf(Run run, Checkpoint checkpoint, Padded model, Path to, Recipe.GgufStored type) {
        Conversion.gguf(to, checkpoint, model.config(), model.tensors(), GgufType.valueOf(type.name()));
        run.provenance("", checkpoint.path().toString()).writeBeside(to);
        run.out().println(to + "  " + type.name() + "  from " + checkpoint.path());
    }

    @Override
    public void clean(Run run) {
        Models.delete(run.exported());
    }
}
