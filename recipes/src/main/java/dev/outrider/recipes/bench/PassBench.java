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
import java.util.stream.IntStream;

/**
 * What a pass of a target costs: of one row, against reading its weights at the rate of reading memory in the same run,
 * and of more rows in passes of one, which is what speculative decoding pays for its guesses. Medians; sizes by turns.
 *
 * @param threads 0: all processors
 * @param rows of the largest pass
 */
public record PassBench(Path model, int threads, WeightType weights, int rows) {
    private static final int[] CONTEXTS = {128, 512, 1024};
    private static final int TIMES = 41;
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
            double rate = GemmRate.readGigabytes(device), least = held.passBytes() / rate * 1e-6;
            out.printf(
                    Locale.ROOT,
                    "%s, %s%nweights %s: a pass reads %.1f MB, %.2f ms at the %.1f GB/s of reading memory%n",
                    model,
                    device.name(),
                    weights,
                    held.passBytes() * 1e-6,
                    least,
                    rate);
            out.printf("%nin passes of one row, by rows%n%-9s%9s%12s", "context", "ms of 1", "of reading");
            for (int n = 2; n <= rows; n++) out.printf("%6d", n);
            out.println();
            try (Llama llama = new Llama(device, held, longest)) {
                for (int context : CONTEXTS) if (context + rows <= longest) line(out, llama, context, least);
            }
            out.printf(Locale.ROOT, "reading memory afterwards: %.1f GB/s%n", GemmRate.readGigabytes(device));
        }
    }

    private void line(PrintStream out, Llama llama, int context, double least) {
        double[] ms = measure(llama, context);
        out.printf(Locale.ROOT, "%-9d%9.2f%10.0f %%", context, ms[0], 100 * least / ms[0]);
        for (int n = 2; n <= rows; n++) out.printf(Locale.ROOT, "%6.2f", ms[n - 1] / ms[0]);
        out.println();
    }

    /** Median milliseconds of passes of 1 .. rows rows behind a context of random tokens. */
    private double[] measure(CausalModel model, int context) {
        int[] tokens = new SplittableRandom(context)
                .ints(context + rows, 0, model.vocabulary())
                .toArray();
        model.truncate(0);
        model.read(tokens, 0, context, 1);
        for (long end = System.nanoTime() + WARM_NANOS; System.nanoTime() < end; ) once(model, tokens, context);
        double[][] times = new double[TIMES][];
        for (int i = 0; i < TIMES; i++) times[i] = once(model, tokens, context);
        return IntStream.range(0, rows).mapToDouble(n -> median(times, n)).toArray();
    }

    private double[] once(CausalModel model, int[] tokens, int context) {
        double[] ms = new double[rows];
        for (int n = 1; n <= rows; n++) {
            long from = System.nanoTime();
            model.read(tokens, context, n, n);
            ms[n - 1] = (System.nanoTime() - from) * 1e-6;
            model.truncate(context);
        }
        return ms;
    }

    private static double median(double[][] times, int n) {
        return Arrays.stream(times).mapToDouble(t -> t[n]).sorted().toArray()[TIMES / 2];
    }
}
