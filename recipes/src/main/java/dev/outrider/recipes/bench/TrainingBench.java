package dev.outrider.recipes.bench;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cpu.GemmRate;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.WeightType;
import dev.outrider.trainer.Batch;
import dev.outrider.trainer.TargetTeacher;
import dev.outrider.trainer.Teacher;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.CrossEntropy;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.TokenLoss;
import dev.outrider.trainer.loss.TotalVariationPlus;
import dev.outrider.trainer.optim.AdamW;
import dev.outrider.trainer.optim.Clip;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Training speed of the papers' 115M draft on this machine: whole optimiser steps (forward, backward, clip,
 * AdamW), in tokens/s and as a share of the sgemm rate measured in the same run, and the process's peak
 * memory. Pre-training, or TVD++ with a teacher of random weights.
 */
public final class TrainingBench {
    private static final int VOCABULARY = 32000, WARM = 2;

    private final ModelConfig draft;
    private final CpuDevice device;
    private final Precision precision;
    private final int sequences;
    private final int time;
    private final int steps;

    private TrainingBench(
            ModelConfig draft, CpuDevice device, Precision precision, int sequences, int time, int steps) {
        this.draft = draft;
        this.device = device;
        this.precision = precision;
        this.sequences = sequences;
        this.time = time;
        this.steps = steps;
    }

    /** @param teacherLayers layers of the teacher, else shaped as the draft; 0: pre-training */
    public static void run(int threads, Precision precision, int sequences, int time, int steps, int teacherLayers)
            throws IOException {
        int all = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        try (CpuDevice device = new CpuDevice(all, precision)) {
            ModelConfig draft = ModelConfig.draft(VOCABULARY, 1024, 2816, 4, 8, Math.max(2048, time), 1, 2);
            TrainingBench bench = new TrainingBench(draft, device, precision, sequences, time, steps);
            System.out.println("device    " + device.name());
            if (teacherLayers == 0) {
                bench.measure("pre-training, cross entropy", new CrossEntropy(device.threads()), 0);
                return;
            }
            Path folder = Files.createTempDirectory("outrider-bench-");
            ModelConfig shape = bench.teacher(folder, teacherLayers);
            try (Teacher teacher = new TargetTeacher(Llama.open(folder.resolve("teacher"), device, time), device)) {
                bench.measure(
                        String.format(Locale.ROOT, "TVD++ with a teacher of %.0fM", shape.parameters() / 1e6),
                        new Distillation(device, teacher, new TotalVariationPlus(), 1),
                        2.0 * shape.productParameters() + attention(shape, time) / 3);
            } finally {
                Files.walk(folder)
                        .sorted(java.util.Comparator.reverseOrder())
                        .forEach(p -> p.toFile().delete());
            }
        }
    }

    /**
     * TVD++ of a draft of 4 layers of 256 channels with a model as online teacher: tokens/s, and the share of what the
     * products of both, measured in the same run, would allow by themselves.
     */
    public static void run(
            int threads, Precision precision, int sequences, int time, int steps, Path model, WeightType held) {
        int all = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        try (CpuDevice device = new CpuDevice(all, precision);
                Llama target = Llama.open(model, device, time, held)) {
            ModelConfig teacher = target.config();
            ModelConfig draft = ModelConfig.draft(teacher.vocabSize(), 256, 704, 4, 4, Math.max(2048, time), 1, 2);
            TrainingBench bench = new TrainingBench(draft, device, precision, sequences, time, steps);
            System.out.printf("device    %s, teacher held as %s%n", device.name(), held);
            // Closed with the target.
            Teacher asked = new TargetTeacher(target, device);
            double seconds = bench.median(new Distillation(device, asked, new TotalVariationPlus(), 1));
            double tokens = (double) sequences * time, least = tokens * bench.productSeconds(teacher, held);
            System.out.printf(
                    Locale.ROOT,
                    "TVD++ of %.0fM by %s: %d x %d%n  tokens/s   %.0f median, %.0f %% of the %.0f that the products of"
                            + " both allow%n  peak       %.2f GB resident%n",
                    draft.parameters() / 1e6,
                    model,
                    sequences,
                    time,
                    tokens / seconds,
                    100 * least / seconds,
                    tokens / least,
                    peak());
        }
    }

    /** A token's share of all products, each measured by itself: the teacher's forward, the draft's three times. */
    private double productSeconds(ModelConfig teacher, WeightType held) {
        double seconds = 0;
        for (GemmRate.Shape s : shapes(draft)) {
            int layers = s.out() == draft.vocabSize() ? 1 : draft.layers();
            seconds += 3 * layers * GemmRate.seconds(device, precision, s) / s.rows();
        }
        for (GemmRate.Shape s : shapes(teacher)) {
            int layers = s.out() == teacher.vocabSize() ? 1 : teacher.layers();
            seconds += layers * GemmRate.forwardSeconds(device, w -> held.held(device, w), s) / s.rows();
        }
        return seconds;
    }

    /** Of a layer's products, and the head's. */
    private List<GemmRate.Shape> shapes(ModelConfig c) {
        int rows = Math.min(sequences * time, 512), q = c.heads() * c.headDim(), kv = 2 * c.kvHeads() * c.headDim();
        return List.of(
                new GemmRate.Shape(rows, c.hiddenSize(), q + kv),
                new GemmRate.Shape(rows, q, c.hiddenSize()),
                new GemmRate.Shape(rows, c.hiddenSize(), 2 * c.intermediateSize()),
                new GemmRate.Shape(rows, c.intermediateSize(), c.hiddenSize()),
                new GemmRate.Shape(rows, c.hiddenSize(), c.vocabSize()));
    }

    private ModelConfig teacher(Path folder, int layers) {
        ModelConfig shape = ModelConfig.draft(VOCABULARY, 1024, 2816, layers, 8, Math.max(2048, time), 1, 2);
        try (LlamaGraph graph = LlamaGraph.create(shape, device, 2)) {
            HuggingFace.write(
                    folder.resolve("teacher"), shape, graph.tensors(), DType.BF16, Optional.empty(), Optional.empty());
        }
        return shape;
    }

    private void measure(String what, TokenLoss loss, double teacherFlops) {
        double[] seconds = seconds(loss);
        report(
                what,
                seconds[steps / 2],
                seconds[0],
                6.0 * draft.productParameters() + attention(draft, time) + teacherFlops);
    }

    private double median(TokenLoss loss) {
        return seconds(loss)[steps / 2];
    }

    /** Of every step, in order of size. */
    private double[] seconds(TokenLoss loss) {
        double[] seconds = new double[steps];
        try (LlamaGraph graph = LlamaGraph.create(draft, device, 1);
                AdamW optimizer = new AdamW(graph, 0.9, 0.95, 1e-8, 0.1)) {
            Batch batch = batch();
            for (int step = 0; step < WARM + steps; step++) {
                long began = System.nanoTime();
                step(graph, optimizer, batch, loss, step);
                if (step >= WARM) seconds[step - WARM] = (System.nanoTime() - began) / 1e9;
            }
        }
        Arrays.sort(seconds);
        return seconds;
    }

    private void step(LlamaGraph graph, AdamW optimizer, Batch batch, TokenLoss loss, int step) {
        graph.zeroGradients();
        loss.beginStep(step);
        graph.step(batch, loss, 1.0 / batch.count());
        double scale = loss.gradientScale();
        if (scale != 1)
            device.scale(graph.gradients(), (float) scale, graph.gradients().elements());
        optimizer.update(1e-4, Clip.factor(optimizer.norm(), 1), step + 1);
    }

    private Batch batch() {
        SplittableRandom random = new SplittableRandom(3);
        int[] tokens =
                random.ints((long) sequences * time, 0, draft.vocabSize()).toArray();
        byte[] all = new byte[tokens.length];
        Arrays.fill(all, (byte) 1);
        return Batch.nextToken(sequences, time, tokens, all);
    }

    // Scores and values of the causal half, forward and twice that backward: 3 · 2 · 2 · T/2 · H · D a layer.
    private static double attention(ModelConfig c, int time) {
        return 6.0 * time * c.heads() * c.headDim() * c.layers();
    }

    private void report(String what, double median, double best, double flopsPerToken) {
        double tokens = (double) sequences * time;
        double rate = flopsPerToken * tokens / median / 1e9;
        int rows = (int) Math.min(tokens, 2048);
        GemmRate.Shape[] shapes = {
            new GemmRate.Shape(rows, 1024, 3072),
            new GemmRate.Shape(rows, 1024, 5632),
            new GemmRate.Shape(rows, 2816, 1024),
            new GemmRate.Shape(512, 1024, VOCABULARY)
        };
        String limits = limit("float32 products", rate, GemmRate.gflops(device, Precision.F32, shapes));
        if (precision == Precision.BF16) {
            limits += "; " + limit("BF16 products", rate, GemmRate.gflops(device, precision, shapes));
        }
        System.out.printf(
                Locale.ROOT,
                "%s: 115M, %d x %d%n  tokens/s   %.0f median, %.0f best of %d steps%n  GFLOP/s    %.0f, %s, in this"
                        + " run%n  peak       %.2f GB resident%n",
                what,
                sequences,
                time,
                tokens / median,
                tokens / best,
                steps,
                rate,
                limits,
                peak());
    }

    private static String limit(String of, double rate, double machine) {
        return String.format(Locale.ROOT, "%.0f %% of the machine's %s at %.0f", 100 * rate / machine, of, machine);
    }

    private static double peak() {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(l -> l.startsWith("VmHWM"))
                    .mapToDouble(l -> Double.parseDouble(l.replaceAll("[^0-9]", "")) / 1e6)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN; // no /proc on this system
        }
    }
}
