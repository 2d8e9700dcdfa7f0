package dev.outrider.recipes.bench;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.device.cpu.GemmRate;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.WeightType;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * What a pass of a target costs: of one row, against reading as many bytes, and of more rows in passes of one, which is what
 * speculative decoding pays for its guesses. Machines are shared, so memory and sizes take turns and ratios are taken
 * within a turn; all figures are medians.
 *
 * @param threads 0: all processors
 * @param rows of the largest pass
 */
public record PassBench(Path model, int threads, WeightType weights, int rows) {
    private static final int[] CONTEXTS = {128, 512, 1024};
    private static final int TIMES = 41, PROMPT = 512, PROMPTS = 11;
    private static final long WARM_NANOS = 5_000_000_000L;

    /** @throws Failure USAGE for a number of rows that is not in 1 .. what a pass keeps logits of */
    public PassBench {
        if (rows < 1 || rows > Device.INVARIANT_ROWS) {
            throw Failure.usage("--rows", rows + " rows", "1 to " + Device.INVARIANT_ROWS, "Give fewer or more.");
        }
    }

    public void run(PrintStream out) {
        int all = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
        try (Checkpoint checkpoint = Checkpoint.open(model);
                CpuDevice device = new CpuDevice(all);
                LlamaWeights held = LlamaWeights.load(device, checkpoint, weights)) {
            int longest = Math.min(held.config().maxPositions(), CONTEXTS[CONTEXTS.length - 1] + rows);
            out.printf(
                    Locale.ROOT,
                    "%s, %s%nweights %s: a pass reads %.1f MB, and its cache%n",
                    model,
                    device.name(),
                    weights,
                    held.passBytes() * 1e-6);
            out.printf(
                    "%npasses/s of one row, GB/s of reading memory, the pass' share of it, and more rows in passes of one%n");
            out.printf("%-9s%8s%8s%8s", "context", "1/s", "GB/s", "share");
            for (int n = 2; n <= rows; n++) out.printf("%6d", n);
            out.println();
            try (Llama llama = new Llama(device, held, longest);
                    GemmRate.Reading memory = new GemmRate.Reading(device)) {
                for (int context : CONTEXTS) {
                    double share = (double) held.passBytes(context + 1) / memory.bytes();
                    if (context + rows <= longest) line(out, llama, memory, share, context);
                }
                if (PROMPT <= longest) prompt(out, llama);
            }
        }
    }

    private void line(PrintStream out, Llama llama, GemmRate.Reading memory, double share, int context) {
        double[][] times = measure(llama, memory, context);
        double read = median(times, t -> t[0]), one = median(times, t -> t[1]);
        double ofReading = median(times, t -> share * t[0] / t[1]);
        out.printf(
                Locale.ROOT,
                "%-9d%8.1f%8.1f%6.0f %%",
                context,
                1000 / one,
                memory.bytes() * 1e-6 / read,
                100 * ofReading);
        for (int n = 2; n <= rows; n++) {
            int count = n;
            out.printf(Locale.ROOT, "%6.2f", median(times, t -> t[count] / t[1]));
        }
        out.println();
    }

    private static void prompt(PrintStream out, CausalModel model) {
        int[] tokens =
                new SplittableRandom(PROMPT).ints(PROMPT, 0, model.vocabulary()).toArray();
        double[] ms = new double[PROMPTS];
        for (int i = -PROMPTS; i < PROMPTS; i++) {
            model.truncate(0);
            ms[Math.max(0, i)] = milliseconds(() -> model.read(tokens, 0, PROMPT, 1));
        }
        Arrays.sort(ms);
        out.printf(Locale.ROOT, "%na prompt of %d tokens: %.0f tok/s%n", PROMPT, 1000 * PROMPT / ms[PROMPTS / 2]);
    }

    /** Milliseconds of reading memory and of passes of 1 .. rows rows behind a context of random tokens, turn by turn. */
    private double[][] measure(CausalModel model, GemmRate.Reading memory, int context) {
        int[] tokens = new SplittableRandom(context)
                .ints(context + rows, 0, model.vocabulary())
                .toArray();
        model.truncate(0);
        model.read(tokens, 0, context, 1);
        for (long end = System.nanoTime() + WARM_NANOS; System.nanoTime() < end; ) once(model, memory, tokens, context);
        double[][] times = new double[TIMES][];
        for (int i = 0; i < TIMES; i++) times[i] = once(model, memory, tokens, context);
        return times;
    }

    private double[] once(CausalModel model, GemmRate.Reading memory, int[] tokens, int context) {
        double[] ms = new double[rows + 1];
        ms[0] = milliseconds(memory::once);
        for (int n = 1; n <= rows; n++) {
            int count = n;
            ms[n] = milliseconds(() -> model.read(tokens, context, count, count));
            model.truncate(context);
        }
        return ms;
    }

    private static double milliseconds(Runnable work) {
        long from = System.nanoTime();
        work.run();
        return (System.nanoTime() - from) * 1e-6;
    }

    private static double median(double[][] times, ToDoubleFunction<double[]> of) {
        return Arrays.stream(times).mapToDouble(of).sorted().toArray()[TIMES / 2];
    }
}
