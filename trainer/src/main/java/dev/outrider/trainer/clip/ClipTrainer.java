package dev.outrider.trainer.clip;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.Shuffle;
import dev.outrider.trainer.Interruption;
import dev.outrider.trainer.layer.ClipGraph;
import dev.outrider.trainer.optim.AdamW;
import dev.outrider.trainer.optim.Clip;
import dev.outrider.trainer.optim.SpikeGuard;
import dev.outrider.trainer.telemetry.Metrics;
import dev.outrider.trainer.telemetry.Progress;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Trains a small CLIP from pairs of pictures and captions, so that there is a tower to freeze: read, embed both, loss,
 * backward, clip, update, validate. A step is a pure function of the weights, the moments, the step's number and the seed.
 *
 * <p>Meant for towers that take a minute or two. So nothing is saved on the way, and an interrupted training begins anew;
 * at the end the caller writes {@link ClipGraph#tower} with {@link dev.outrider.checkpoints.LlavaFiles#writeTower}.
 */
public final class ClipTrainer implements AutoCloseable {
    /**
     * How a training ended.
     *
     * @param finished false if it was interrupted before its last step
     * @param validation the last one's values; none where there are no pairs held out, or no end was reached
     */
    public record Outcome(long steps, boolean finished, Map<String, Double> validation) {}

    private final ClipGraph graph;
    private final ClipOptions options;
    private final Pairs pairs;
    private final Optional<Pairs> heldOut;
    private final Metrics metrics;
    private final PrintStream out;
    private final Shuffle order;
    private final ContrastiveLoss loss;
    private final AdamW optimizer;
    private final SpikeGuard guard;
    private Map<String, Double> validated = Map.of();

    /**
     * @param graph stays the caller's, and is changed
     * @param heldOut pairs of pictures and captions that are not among the others; read in their order
     * @throws Failure USAGE where there are fewer pairs than a batch
     */
    public ClipTrainer(
            ClipGraph graph,
            ClipOptions options,
            Pairs pairs,
            Optional<Pairs> heldOut,
            Metrics metrics,
            PrintStream out) {
        if (pairs.size() < options.batch()) throw tooFew(pairs.size(), options.batch());
        this.graph = graph;
        this.options = options;
        this.pairs = pairs;
        this.heldOut = heldOut;
        this.metrics = metrics;
        this.out = out;
        order = new Shuffle(pairs.size(), options.seed());
        loss = new ContrastiveLoss(
                graph.device(), options.batch(), graph.shape().width());
        optimizer = new AdamW(graph, options.beta1(), options.beta2(), options.epsilon(), options.decay());
        guard = new SpikeGuard(options.spike());
    }

    private static Failure tooFew(long pairs, int batch) {
        return Failure.usage(
                "pairs of pictures and captions",
                pairs + "",
                "at least a batch, " + batch,
                "Use a smaller batch or more pairs.");
    }

    /**
     * Trains from the first step to the last, or until interrupted.
     *
     * @throws Failure DIVERGED on NaN or a loss spike
     */
    public Outcome train(String what, Interruption interruption) {
        long step = 0;
        try (Progress progress = new Progress(out, what, 0, options.steps(), "pairs")) {
            while (step < options.steps() && !interruption.requested()) {
                Map<String, Double> values = step(step);
                graph.iterationDone(values.get("clip/loss"));
                step++;
                metrics.record(step, values);
                progress.update(step, (double) step * options.batch(), note(values));
                if (due(step)) validate(step, progress);
            }
        }
        return new Outcome(step, step == options.steps(), validated);
    }

    private boolean due(long step) {
        return step == options.steps() || options.validateEvery() > 0 && step % options.validateEvery() == 0;
    }

    /** One optimiser step; returns what was measured. {@code step} counts from 0. */
    public Map<String, Double> step(long step) {
        long began = System.nanoTime();
        double found = embed(PairBatch.of(pairs, order::row, step * options.batch(), options.batch()));
        loss.gradients(graph.pictureGradient(), graph.captionGradient());
        graph.backward(loss.logScaleGradient());
        double norm = optimizer.norm(), rate = options.schedule().rate(step);
        guard.check(step, found, norm).ifPresent(diagnosis -> {
            throw Failure.of(Failure.Kind.DIVERGED, diagnosis);
        });
        Map<String, Double> values = measured("clip", found);
        values.put("clip/scale", Math.exp(graph.logScale()));
        values.put("clip/left_out", loss.leftOut());
        optimizer.update(rate, Clip.factor(norm, options.clip()), step + 1);
        graph.limitScale();
        double seconds = (System.nanoTime() - began) / 1e9;
        values.put("norm", norm);
        values.put("rate", rate);
        values.put("seconds", seconds);
        values.put("pairs_per_second", options.batch() / seconds);
        return values;
    }

    private double embed(PairBatch batch) {
        graph.forward(batch);
        return loss.of(graph.pictures(), graph.captions(), batch, graph.logScale());
    }

    private Map<String, Double> measured(String name, double found) {
        Map<String, Double> values = new LinkedHashMap<>();
        values.put(name + "/loss", found);
        values.put(name + "/caption_of_picture", loss.pictureAccuracy());
        values.put(name + "/picture_of_caption", loss.captionAccuracy());
        return values;
    }

    private void validate(long step, Progress progress) {
        if (heldOut.isEmpty()) return;
        validated = measure(heldOut.get());
        metrics.record(step, validated);
        progress.say(String.format(
                Locale.ROOT,
                "step %d  loss %.3f  of %d held-out captions the right one for %.1f %% of pictures, of pictures for %.1f %%"
                        + " of captions",
                step,
                validated.get("valid/loss"),
                Math.min(options.batch(), heldOut.get().size()),
                100 * validated.get("valid/caption_of_picture"),
                100 * validated.get("valid/picture_of_caption")));
    }

    /**
     * Loss, and how often the right one is found among the pairs of a batch, both ways; means over whole batches of these
     * pairs, in their order (over all, where they are fewer). The weights stay as they are.
     */
    public Map<String, Double> measure(Pairs pairs) {
        int batch = (int) Math.min(options.batch(), pairs.size());
        long batches = pairs.size() / batch;
        Map<String, Double> means = new LinkedHashMap<>();
        for (long b = 0; b < batches; b++) {
            double found = embed(PairBatch.of(pairs, pair -> pair, b * batch, batch));
            measured("valid", found).forEach((name, v) -> means.merge(name, v / batches, Double::sum));
        }
        return means;
    }

    private static String note(Map<String, Double> values) {
        return String.format(
                Locale.ROOT,
                "loss %.3f  right %.1f %%",
                values.get("clip/loss"),
                100 * values.get("clip/caption_of_picture"));
    }

    @Override
    public void close() {
        optimizer.close();
        loss.close();
    }
}
