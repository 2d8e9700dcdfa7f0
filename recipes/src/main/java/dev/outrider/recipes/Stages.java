package dev.outrider.recipes;

import dev.outrider.recipes.stage.AlignStage;
import dev.outrider.recipes.stage.CorpusStage;
import dev.outrider.recipes.stage.DataStage;
import dev.outrider.recipes.stage.EvaluateStage;
import dev.outrider.recipes.stage.ExportStage;
import dev.outrider.recipes.stage.GenerateStage;
import dev.outrider.recipes.stage.PretrainStage;
import dev.outrider.recipes.stage.ReportStage;
import dev.outrider.recipes.stage.TargetStage;
import dev.outrider.trainer.telemetry.Progress;
import java.util.ArrayList;
import java.util.List;

/** The stages in their order, and running them up to one. */
public final class Stages {
    /** All of them; each depends on those before it. */
    public static final List<Stage> ALL = List.of(
            new CorpusStage(),
            new DataStage(),
            new TargetStage(),
            new GenerateStage(),
            new PretrainStage(),
            new AlignStage(),
            new ExportStage(),
            new EvaluateStage(),
            new ReportStage());

    private Stages() {}

    /** Runs everything up to the named stage that is not done yet with these settings. */
    public static void upTo(String last, Run run) throws Exception {
        List<Object> settings = new ArrayList<>(List.of(run.recipe().seed()));
        for (Stage stage : ALL) {
            settings.add(stage.settings(run.recipe()));
            once(stage, run, Run.fingerprint(settings));
            if (stage.name().equals(last)) return;
        }
    }

    private static void once(Stage stage, Run run, String fingerprint) throws Exception {
        if (run.done(stage, fingerprint)) {
            run.out().println("[" + stage.name() + "] done before");
            return;
        }
        if (run.begunOtherwise(stage, fingerprint)) stage.clean(run);
        run.markBegun(stage, fingerprint);
        long began = System.nanoTime();
        run.out().println("[" + stage.name() + "]");
        stage.run(run);
        run.markDone(stage, fingerprint);
        run.out().println("[" + stage.name() + "] " + Progress.duration((System.nanoTime() - began) / 1e9));
    }
}
