package dev.outrider.trainer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.TrainingState;
import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.device.Buffer;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.TokenLoss;
import dev.outrider.trainer.optim.AdamW;
import dev.outrider.trainer.optim.Clip;
import dev.outrider.trainer.optim.SpikeGuard;
import dev.outrider.trainer.telemetry.Metrics;
import dev.outrider.trainer.telemetry.Progress;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The one training loop, for pre-training and alignment: read, forward, loss, backward, clip, update,
 * validate, save. A step is a pure function of the weights, the moments, the step's number and the seed,
 * so an interrupted and resumed run equals an uninterrupted one bit for bit.
 */
public final class Trainer implements AutoCloseable {
    /**
     * How a run ended.
     *
     * @param checkpoint the last one saved
     * @param finished false if it was interrupted before its last step
     */
    public record Outcome(long step, Path checkpoint, boolean finished, Map<String, Double> validation) {}

    private final LlamaGraph graph;
    private final TrainerOptions options;
    private final List<Source> sources;
    private final Optional<Validation> validation;
    private final TrainerStore store;
    private final Metrics metrics;
    private final PrintStream out;
    private final AdamW optimizer;
    private final SpikeGuard guard;
    private Map<String, Double> validated = Map.of();
    private long tokens;

    /**
     * @param sources in this order within a step; one whose loss scales its gradient afterwards (TVD++ over
     *     the batch) must come first, since the scale applies to everything accumulated so far
     */
    public Trainer(
            LlamaGraph graph,
            TrainerOptions options,
            List<Source> sources,
            Optional<Validation> validation,
            TrainerStore store,
            Metrics metrics,
            PrintStream out) {
        this.graph = graph;
        this.options = options;
        this.sources = List.copyOf(sources);
        this.validation = validation;
        this.store = store;
        this.metrics = metrics;
        this.out = out;
        this.optimizer = new AdamW(graph, options.beta1(), options.beta2(), options.epsilon(), options.decay());
        this.guard = new SpikeGuard(options.spike());
    }

    /** Steps done before this call, read from the run's latest checkpoint; 0 if there is none. */
    public long resume() {
        Optional<TrainingState> state = store.resume(graph, optimizer, sources);
        tokens = state.map(TrainingState::tokens).orElse(0L);
        return state.map(TrainingState::step).orElse(0L);
    }

    /**
     * Trains from step {@code first} to the last, or until interrupted.
     *
     * @throws Failure DIVERGED on NaN or a loss spike, naming the last good checkpoint
     */
    public Outcome train(String what, long first, Interruption interruption) {
        long step = first;
        double begun = tokens;
        try (Progress progress = new Progress(out, what, first, options.steps(), "tok")) {
            if (first == 0) validate(0, progress);
            while (step < options.steps() && !interruption.requested()) {
                Map<String, Double> values = step(step);
                graph.iterationDone(values.values().iterator().next());
                step++;
                metrics.record(step, values);
                progress.update(step, tokens - begun, note(values));
                if (due(step, options.validateEvery())) validate(step, progress);
                if (due(step, options.saveEvery()) && step < options.steps()) save(step);
            }
        }
        return new Outcome(step, save(step), step == options.steps(), validated);
    }

    private boolean due(long step, long every) {
        return step == options.steps() || every > 0 && step % every == 0;
    }

    /** One optimiser step; returns what was measured. {@code step} counts from 0. */
    public Map<String, Double> step(long step) {
        long began = System.nanoTime(), before = tokens;
        graph.zeroGradients();
        Map<String, Double> values = new LinkedHashMap<>();
        for (Source source : sources) accumulate(source, step, values);
        double norm = optimizer.norm();
        double rate = options.schedule().rate(step);
        check(step, values.get(sources.getFirst().name() + "/loss"), norm);
        optimizer.update(rate, Clip.factor(norm, options.clip()), step + 1);
        values.put("norm", norm);
        values.put("rate", rate);
        double seconds = (System.nanoTime() - began) / 1e9;
        values.put("seconds", seconds);
        values.put("tokens_per_second", (tokens - before) / seconds);
        return values;
    }

    private void accumulate(Source source, long step, Map<String, Double> values) {
        Batch batch = source.read(step, options.batch());
        if (batch == null) return;
        int rows = batch.sequences();
        TokenLoss loss = source.loss();
        loss.beginStep(step);
        long all = batch.count(), taught = loss.count(batch), count = Math.max(1, taught);
        if (loss.changed()) guard.restart();
        double weight = (double) rows / options.batch() / count;
        double sum = 0, accepted = 0;
        long drawn = Hashes.mix(options.seed() ^ Hashes.mix(step)) ^ Hashes.mix(sources.indexOf(source));
        for (Batch pass : batch.passes(options.microBatch())) {
            graph.dropout(options.dropout(), drawn = Hashes.mix(drawn));
            sum += graph.step(pass, loss, weight);
            accepted += loss.acceptanceSum();
        }
        rescale(loss.gradientScale());
        tokens += batch.needed();
        values.put(source.name() + "/loss", sum / count);
        if (taught < all) values.put(source.name() + "/outside", 1 - (double) taught / all);
        if (!Double.isNaN(accepted)) values.put(source.name() + "/acceptance", accepted / count);
    }

    private void rescale(double scale) {
        if (scale == 1) return;
        for (Buffer trained : graph.trainedGradients())
            graph.device().scale(trained, (float) scale, trained.elements());
    }

    private void check(long step, double loss, double norm) {
        Optional<String> diagnosis = guard.check(step, loss, norm);
        if (diagnosis.isEmpty()) return;
        String good = store.latest().map(Path::toString).orElse("none yet");
        throw Failure.of(Failure.Kind.DIVERGED, diagnosis.get() + " Last good checkpoint: " + good + ".");
    }

    private void validate(long step, Progress progress) {
        if (validation.isEmpty()) return;
        validated = validation.get().measure(graph);
        metrics.record(step, validated);
        progress.say("step " + step + "  " + Validation.line(validated));
    }

    private Path save(long step) {
        return store.save(
                new TrainingState(TrainingState.SCHEMA, step, tokens, options.seed(), positions(step), Map.of()),
                graph,
                optimizer,
                sources);
    }

    // Not needed to resume (they follow from the step), but a reader of state.json wants to see them.
    private Map<String, Long> positions(long step) {
        Map<String, Long> positions = new LinkedHashMap<>();
        for (Source s : sources) positions.put(s.name(), s.position(step, options.batch()));
        return positions;
    }

    private String note(Map<String, Double> values) {
        StringBuilder note = new StringBuilder();
        for (Source s : sources) {
            Double loss = values.get(s.name() + "/loss"), accepted = values.get(s.name() + "/acceptance");
            if (loss != null) note.append(String.format("%s %.3f ", s.name(), loss));
            if (accepted != null) note.append(String.format("α %.3f ", accepted));
        }
        return note.toString();
    }

    @Override
    public void close() {
        optimizer.close();
    }
}
