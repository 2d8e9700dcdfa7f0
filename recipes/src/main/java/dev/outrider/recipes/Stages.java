package dev.outrider.recipes;

import dev.outrider.decode.device.Devices;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.recipes.stage.AlignStage;
import dev.outrider.recipes.stage.CalibrateStage;
import dev.outrider.recipes.stage.CorpusStage;
import dev.outrider.recipes.stage.DataStage;
import dev.outrider.recipes.stage.EvaluateStage;
import dev.outrider.recipes.stage.ExportStage;
import dev.outrider.recipes.stage.GenerateStage;
import dev.outrider.recipes.stage.PictureStage;
import dev.outrider.recipes.stage.PretrainStage;
import dev.outrider.recipes.stage.PromptStage;
import dev.outrider.recipes.stage.ReportStage;
import dev.outrider.recipes.stage.TableStage;
import dev.outrider.recipes.stage.TargetStage;
import dev.outrider.recipes.stage.TowerStage;
import dev.outrider.trainer.telemetry.Progress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/** The stages in their order, and running one with all that it needs. */
public final class Stages {
    private static final List<Stage> TO_THE_DRAFT = List.of(
            new CorpusStage(),
            new DataStage(),
            new TowerStage(),
            new PictureStage(),
            new TargetStage(),
            new PromptStage(),
            new GenerateStage(),
            new TableStage(),
            new PretrainStage());

    private static final List<Stage> FROM_THE_DRAFT =
            List.of(new ExportStage(), new CalibrateStage(), new EvaluateStage(), new ReportStage());

    private Stages() {}

    /** All of a recipe's; each needs only some of those before it. */
    static List<Stage> of(Recipe recipe) {
        Stream<Stage> alignments = recipe.allAlignments().stream().map(a -> new AlignStage(recipe.place(a), a));
        return Stream.of(TO_THE_DRAFT.stream(), alignments, FROM_THE_DRAFT.stream())
                .flatMap(Function.identity())
                .toList();
    }

    /**
     * Runs the named stage and those that it needs, as far as they are not done yet with these settings.
     *
     * @throws dev.outrider.checkpoints.Failure USAGE if the folder is another recipe's or an input is absent, MACHINE if the CPU
     *     cannot do what a stage is to do
     */
    public static void upTo(String last, Run run) throws Exception {
        List<Stage> wanted = wanted(last, run.recipe());
        List<String> changed = wanted.stream()
                .filter(s -> run.begunOtherwise(s, fingerprint(s, run.recipe())))
                .map(Stage::name)
                .toList();
        run.claim(changed);
        List<Stage> left = wanted.stream().filter(s -> !done(s, run)).toList();
        Inputs.check(run.file(), left);
        for (Stage stage : left) CpuDevice.require(stage.precision(run.recipe()));
        if (left.stream().anyMatch(Stage::runsModels))
            Devices.open(run.recipe().device(), 1).close();
        for (Stage stage : wanted) once(stage, run, fingerprint(stage, run.recipe()));
    }

    /** What {@link #upTo} would still miss; a Failure where it is the target. */
    public static List<String> absent(String last, RecipeFile file) {
        return Inputs.absent(file, wanted(last, file.recipe()));
    }

    private static boolean done(Stage stage, Run run) {
        return run.done(stage, fingerprint(stage, run.recipe()));
    }

    /** The named stage and all that it rests on, in order. */
    static List<Stage> wanted(String last, Recipe recipe) {
        Set<String> names = new HashSet<>(List.of(last));
        List<Stage> all = of(recipe);
        for (Stage stage : all.reversed()) if (names.contains(stage.name())) names.addAll(stage.needs(recipe));
        return all.stream().filter(s -> names.contains(s.name())).toList();
    }

    /** What was made from the stage's earlier result is not done with the one to come, though its settings be the same. */
    private static List<Stage> restingOn(Stage stage, Recipe recipe) {
        return of(recipe).stream()
                .filter(later -> !later.name().equals(stage.name()))
                .filter(later -> wanted(later.name(), recipe).stream()
                        .anyMatch(s -> s.name().equals(stage.name())))
                .toList();
    }

    private static String fingerprint(Stage stage, Recipe recipe) {
        List<Object> settings = new ArrayList<>(List.of(recipe.seed()));
        for (Stage s : wanted(stage.name(), recipe)) settings.add(s.settings(recipe));
        return Run.fingerprint(settings);
    }

    private static void once(Stage stage, Run run, String fingerprint) throws Exception {
        if (run.done(stage, fingerprint)) {
            run.out().println("[" + stage.name() + "] done before");
            return;
        }
        run.enter(stage);
        for (Stage later : restingOn(stage, run.recipe())) run.forget(later);
        if (run.begunOtherwise(stage, fingerprint)) {
            run.forget(stage);
            stage.clean(run);
        }
        run.markBegun(stage, fingerprint);
        long began = System.nanoTime();
        run.out().println("[" + stage.name() + "]");
        stage.run(run);
        for (Path folder : stage.artefacts(run)) run.signed(folder);
        run.markDone(stage, fingerprint);
        run.out().println("[" + stage.name() + "] " + Progress.duration((System.nanoTime() - began) / 1e9));
    }
}
