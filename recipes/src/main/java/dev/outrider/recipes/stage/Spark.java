package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.Sessions;
import dev.outrider.data.answers.AnswerEyes;
import dev.outrider.data.answers.AnswerReport;
import dev.outrider.data.answers.AnswerSpec;
import dev.outrider.data.answers.Answers;
import dev.outrider.data.answers.Prompts;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.Run;
import dev.outrider.trainer.telemetry.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.sql.SparkSession;

/** The run's Spark session, and letting the target write with it. */
final class Spark {
    private static final int PROMPTS_PER_PART = 32;

    private Spark() {}

    static SparkSession session(Run run) {
        return Sessions.open(run.recipe().spark().master(), run.recipe().spark().conf());
    }

    /** What the target is to write; as in {@link AnswerSpec}. */
    record Wanted(
            Prompts prompts,
            Path output,
            List<Double> temperatures,
            double topP,
            int samples,
            int maxTokens,
            int topK) {
        /** All prompts of a JSONL file. */
        Wanted(
                Path prompts,
                Path output,
                List<Double> temperatures,
                double topP,
                int samples,
                int maxTokens,
                int topK) {
            this(new Prompts.Jsonl(List.of(prompts)), output, temperatures, topP, samples, maxTokens, topK);
        }
    }

    /** Lets the target answer the prompts, or those that are still without an answer. */
    static AnswerReport write(Run run, String what, Wanted wanted) {
        Path target = Models.target(run);
        AnswerSpec spec = spec(run, target, wanted);
        long began = System.nanoTime();
        AtomicReference<Progress> progress = new AtomicReference<>();
        dev.outrider.data.answers.Progress heard = (done, all, rate) -> {
            // What is heard first is what an earlier run left.
            if (progress.get() == null) progress.set(new Progress(run.out(), what, done, all, "tok"));
            progress.get().update(done, rate * (System.nanoTime() - began) / 1e9, "");
        };
        AnswerReport report = Answers.generate(session(run), spec, heard, () -> Models.setAside(run, wanted.output()));
        if (progress.get() != null) progress.get().close();
        run.out()
                .printf(
                        Locale.ROOT,
                        "%s: %d asked, %d answered, %d skipped, %d failed, %d found from before, %d tokens%s%n",
                        what,
                        report.asked(),
                        report.success(),
                        report.skipped(),
                        report.errors(),
                        report.found(),
                        report.tokens(),
                        report.towerRuns() > 0 ? ", the tower ran " + report.towerRuns() + " times" : "");
        if (report.success() == 0) {
            throw Failure.data(
                    wanted.output().toString(), "no answer at all", "some", "Look at the errors in its parts.");
        }
        return report;
    }

    private static AnswerSpec spec(Run run, Path target, Wanted wanted) {
        AnswerSpec blind = new AnswerSpec(
                wanted.prompts(),
                target,
                wanted.output(),
                wanted.temperatures(),
                wanted.topP(),
                wanted.samples(),
                wanted.maxTokens(),
                context(target, wanted.maxTokens()),
                run.recipe().seed(),
                PROMPTS_PER_PART,
                run.recipe().threads(),
                run.recipe().generate().slots(),
                wanted.topK());
        return blind.with(eyes(run), Models.held(run.recipe().target().weights()));
    }

    /** What the target looks at pictures with, where it is to. */
    private static AnswerEyes eyes(Run run) {
        if (!run.recipe().looks() || !Files.exists(run.pictures())) return AnswerEyes.NONE;
        String tower = run.recipe()
                .tower()
                .flatMap(Recipe.Tower::checkpoint)
                .map(Path::toString)
                .orElse("");
        return new AnswerEyes(
                List.of(),
                run.pictures().toString(),
                tower,
                run.recipe().pictures().memory());
    }

    // Room for answers as long as asked for, and prompts as long as the model still takes.
    private static int context(Path target, int maxTokens) {
        return Math.min(Models.positions(target), 4 * maxTokens + 512);
    }
}
