package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Recipe.TowerShape;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.recipes.Run;
import dev.outrider.recipes.Stage;
import dev.outrider.trainer.clip.ClipOptions;
import dev.outrider.trainer.clip.ClipShape;
import dev.outrider.trainer.clip.ClipTrainer;
import dev.outrider.trainer.layer.ClipGraph;
import dev.outrider.trainer.telemetry.Metrics;
import dev.outrider.trainer.telemetry.MetricsLog;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Trains the tower that pictures are seen with, where none is given: a small CLIP of pictures and captions. */
public final class TowerStage implements Stage {
    @Override
    public String name() {
        return "tower";
    }

    @Override
    public List<String> needs(Recipe recipe) {
        return recipe.trainsTower() ? List.of("data") : List.of();
    }

    @Override
    public List<Object> settings(Recipe recipe) {
        return List.of(recipe.tower()
                .map(t -> List.of(t.checkpoint(), t.shape(), t.training().map(Training::essence))));
    }

    @Override
    public Precision precision(Recipe recipe) {
        return recipe.tower()
                .flatMap(Recipe.Tower::training)
                .map(Training::precision)
                .orElse(Precision.F32);
    }

    @Override
    public void run(Run run) {
        if (!run.recipe().trainsTower()) return;
        TowerShape shape = run.recipe().tower().flatMap(Recipe.Tower::shape).orElseThrow();
        Training training = run.recipe().tower().flatMap(Recipe.Tower::training).orElseThrow();
        Tokenizer tokenizer = Models.tokenizer(run);
        ImagePreprocessing preprocessing = ImagePreprocessing.clip(shape.image());
        ImageLoader loader = new ImageLoader(preprocessing, Pictures.options(run));
        try (CpuDevice device = Models.device(run, precision(run.recipe()));
                ClipGraph graph = ClipGraph.create(
                        clip(shape, tokenizer), device, run.recipe().seed() + 4);
                Metrics metrics = new MetricsLog(metrics(run), 0);
                ClipTrainer trainer = new ClipTrainer(
                        graph,
                        options(training, run.recipe().seed()),
                        pairs(run, Corpus.captions(run), loader, tokenizer),
                        Optional.of(pairs(run, Corpus.captionsHeldOut(run), loader, tokenizer)),
                        metrics,
                        run.out())) {
            ClipTrainer.Outcome outcome = trainer.train("tower", run.interruption());
            if (!outcome.finished()) {
                throw Failure.of(
                        Failure.Kind.INTERRUPTED,
                        "interrupted; a tower is trained in one go. The same command begins it anew: " + run.command());
            }
            LlavaFiles.writeTower(
                    run.tower(),
                    graph.tower(),
                    DType.F32,
                    Optional.of(preprocessing),
                    Optional.of(run.provenance("", "")));
        }
    }

    private static CaptionedPictures pairs(Run run, Path file, ImageLoader loader, Tokenizer tokenizer) {
        boolean skips = run.recipe().pictures().bad() == Recipe.Bad.SKIP;
        return CaptionedPictures.read(file, Pictures.folders(run), loader, tokenizer, skips);
    }

    /** What the training measured. */
    static Path metrics(Run run) {
        return run.tower().resolveSibling("tower-metrics.jsonl");
    }

    private static ClipShape clip(TowerShape s, Tokenizer tokenizer) {
        ModelConfig captions = ModelConfig.draft(
                tokenizer.size(),
                s.hidden(),
                s.intermediate(),
                s.textLayers(),
                s.heads(),
                CaptionedPictures.POSITIONS,
                tokenizer.bosId(),
                -1);
        return new ClipShape(s.config(), captions, s.embedding());
    }

    private static ClipOptions options(Training t, long seed) {
        return new ClipOptions(
                t.steps(),
                t.batch(),
                TrainingRun.schedule(t),
                t.beta1(),
                t.beta2(),
                t.epsilon(),
                t.decay(),
                t.clip(),
                seed,
                t.validateEvery(),
                t.spike());
    }

    @Override
    public List<Path> artefacts(Run run) {
        return List.of();
    }

    @Override
    public void clean(Run run) {
        Models.setAside(run, run.tower());
    }
}
