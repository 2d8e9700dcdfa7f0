package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.recipes.Recipe.Training;
import dev.outrider.recipes.Run;
import dev.outrider.trainer.Source;
import dev.outrider.trainer.Trainer;
import dev.outrider.trainer.TrainerOptions;
import dev.outrider.trainer.TrainerStore;
import dev.outrider.trainer.Validation;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.optim.Schedule;
import dev.outrider.trainer.telemetry.Metrics;
import dev.outrider.trainer.telemetry.MetricsLog;
import dev.outrider.trainer.telemetry.TensorBoard;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What training a target, pre-training and aligning a draft have in common: options, store, metrics, Ctrl-C. */
final class TrainingRun {
    private TrainingRun() {}

    static TrainerOptions options(Training t, long seed) {
        return new TrainerOptions(
                t.steps(),
                t.batch(),
                t.microBatch() == 0 ? t.batch() : t.microBatch(),
                schedule(t),
                t.beta1(),
                t.beta2(),
                t.epsilon(),
                t.decay(),
                t.clip(),
                t.dropout(),
                seed,
                t.validateEvery(),
                t.saveEvery(),
                t.keep(),
                t.spike());
    }

    static Schedule schedule(Training t) {
        return new Schedule(Schedule.Shape.valueOf(t.schedule().name()), t.rate(), t.warmup(), t.steps(), t.minimum());
    }

    /** Trains in {@code folder}, going on from its latest checkpoint; returns the last one. */
    static Path train(
            Run run,
            String what,
            Path folder,
            LlamaGraph graph,
            Training training,
            List<Source> sources,
            Optional<Validation> validation,
            Tokenizer tokenizer,
            Provenance provenance) {
        TrainerOptions options = options(training, run.recipe().seed());
        TrainerStore store = new TrainerStore(folder, options.keep(), Optional.of(tokenizer), provenance);
        run.out()
                .printf(
                        Locale.ROOT,
                        "%s: %.2fM parameters%n",
                        what,
                        graph.config().parameters() / 1e6);
        try (LaterMetrics metrics = new LaterMetrics();
                Trainer trainer = new Trainer(graph, options, sources, validation, store, metrics, run.out())) {
            long first = trainer.resume();
            if (first > 0) run.out().println(what + ": goes on after step " + first);
            metrics.open(folder, first);
            Trainer.Outcome outcome = trainer.train(what, first, run.interruption());
            if (!outcome.finished()) {
                throw Failure.of(
                        Failure.Kind.INTERRUPTED,
                        "interrupted after step " + outcome.step() + " of " + options.steps() + "; saved in "
                                + outcome.checkpoint() + ". The same command goes on from there: " + run.command());
            }
            return outcome.checkpoint();
        }
    }

    /** Files open only once it is known from which step the run goes on. */
    private static final class LaterMetrics implements Metrics {
        private Metrics files = Metrics.none();

        void open(Path folder, long step) {
            files = Metrics.all(List.of(
                    new MetricsLog(folder.resolve("metrics.jsonl"), step),
                    new TensorBoard(folder.resolve("tensorboard"))));
        }

        @Override
        public void record(long step, java.util.Map<String, Double> values) {
            files.record(step, values);
        }

        @Override
        public void close() {
            files.close();
        }
    }
}
