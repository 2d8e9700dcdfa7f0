package dev.outrider.decode.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.Devices;
import dev.outrider.decode.device.Precision;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.decode.speculate.Tally;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * What decoding costs on a device, against what its memory allows, measured in the same run: copies, products of few rows,
 * passes of a target and of a draft, and the engine of speculative decoding with acceptance imposed. Models have random
 * weights, so it needs no files.
 */
public final class DeviceBench {
    /**
     * @param elements floats of the memory that is copied
     * @param contexts tokens before a measured pass
     * @param tokens of a text
     * @param times that a pass is measured; the median counts
     * @param batch sequences of a training step of the draft
     * @param time their length
     */
    record Sizes(
            ModelConfig target,
            ModelConfig draft,
            long elements,
            int[] contexts,
            int tokens,
            int times,
            int batch,
            int time) {
        int longest() {
            return Math.max(contexts[contexts.length - 1] + MOST_ROWS, PROMPT + tokens);
        }
    }

    /**
     * @param limit what the device could do, in the same unit; null where there is none
     * @param share of the limit
     */
    record Figure(String what, double value, String unit, Double limit, Double share) {}

    private static final int MOST_ROWS = 9, PROMPT = 64, MATRICES = 4, LAUNCHES = 500;
    private static final int[] ROWS = {1, 2, 4, 5, 8, 9, 16, 32};
    private static final int[] GAMMAS = {3, 5};
    /** About what a good draft and a very good one reach a guess. */
    private static final double[] RATES = {0.6, 0.8};

    private final Device device;
    private final Sizes sizes;
    private final PrintStream out;
    private final List<Figure> figures = new ArrayList<>();
    private double copied;

    DeviceBench(Device device, Sizes sizes, PrintStream out) {
        this.device = device;
        this.sizes = sizes;
        this.out = out;
    }

    private static Sizes sizes(boolean small) {
        int[] contexts = {128, 1024};
        ModelConfig seven = ModelConfig.draft(32000, 4096, 11008, 32, 32, 2048, 1, 2);
        ModelConfig draft = ModelConfig.draft(32000, 1024, 2816, 4, 8, 2048, 1, 2);
        ModelConfig half = ModelConfig.draft(32000, 1024, 2816, 24, 16, 2048, 1, 2);
        return small
                ? new Sizes(half, draft, 1L << 26, contexts, 64, 21, 4, 512)
                : new Sizes(seven, draft, 1L << 28, contexts, 128, 41, 8, 2048);
    }

    /**
     * @param arguments cpu, or cuda with :n for another card than the first; small, for a target of 0.4 B; f32, where
     *     training's products are not to be BF16; a JSON file
     */
    public static void main(String[] arguments) {
        List<String> all = List.of(arguments);
        String on = all.isEmpty() ? "cuda" : all.getFirst();
        try (Device device = Devices.open(on, 0)) {
            DeviceBench bench = new DeviceBench(device, sizes(all.contains("small")), System.out);
            bench.run();
            Precision precision = all.contains("f32") ? Precision.F32 : Precision.BF16;
            try (Device trains = Devices.open(on, 0, precision)) {
                bench.training(trains, precision);
            }
            all.stream().filter(a -> a.endsWith(".json")).forEach(file -> bench.write(Path.of(file)));
        } catch (Failure e) {
            System.err.println(e.getMessage());
            System.exit(e.kind() == Failure.Kind.USAGE ? 2 : 5);
        }
    }

    void run() {
        out.println(device.name());
        copies();
        launches();
        products();
        try (Arena arena = Arena.ofShared();
                LlamaWeights target = RandomModel.of(device, sizes.target, arena);
                LlamaWeights draft = RandomModel.of(device, sizes.draft, arena)) {
            passes("target", target);
            passes("draft", draft);
            engine(target, draft);
        }
    }

    List<Figure> figures() {
        return figures;
    }

    private void figure(String what, double value, String unit, Double limit, Double share) {
        figures.add(new Figure(what, value, unit, limit, share));
        String of = share == null ? "" : String.format(Locale.ROOT, "%6.0f %% of %.1f", 100 * share, limit);
        out.printf(Locale.ROOT, "%-58s %10.2f %-9s%s%n", what, value, unit, of);
    }

    private void figure(String what, double value, String unit) {
        figure(what, value, unit, null, null);
    }

    // ---- single operations --------------------------------------------------------------------

    private void copies() {
        Buffer from = device.allocate(DType.F32, sizes.elements), to = device.allocate(DType.F32, sizes.elements);
        double seconds = seconds(8, to, () -> device.copy(from, to, sizes.elements));
        copied = 8.0 * sizes.elements / seconds / 1e9;
        figure("copying memory, read and written", copied, "GB/s");
        device.free(from);
        device.free(to);
    }

    private void launches() {
        Buffer x = device.allocate(DType.F32, 1);
        double seconds = seconds(LAUNCHES, x, () -> device.add(x, x, 1));
        figure("an operation of one element", 1e6 * seconds, "us");
        device.free(x);
    }

    private void products() {
        int in = sizes.target.hiddenSize(), wide = sizes.target.intermediateSize();
        try (Arena arena = Arena.ofShared()) {
            ModelConfig one = ModelConfig.draft(32, in, wide, MATRICES, sizes.target.heads(), 32, 1, 2);
            try (LlamaWeights weights = RandomModel.of(device, one, arena)) {
                List<Buffer> matrices = weights.up();
                Buffer x = device.allocate(DType.F32, 32L * in), y = device.allocate(DType.F32, 32L * wide);
                for (int rows : ROWS) {
                    double seconds = seconds(8, y, () -> {
                        for (Buffer w : matrices) device.linear(y, x, w, rows, in, wide, 0);
                    });
                    double rate = MATRICES * 2.0 * in * wide / seconds / 1e9;
                    String what = "product of " + rows + " rows, BF16 weights " + wide + " x " + in;
                    figure(what, rate, "GB/s", copied, rate / copied);
                }
                device.free(x);
                device.free(y);
            }
        }
    }

    /** What a step of the draft's training is made of, on a device of its precision. */
    void training(Device on, Precision precision) {
        ModelConfig c = sizes.draft;
        int rows = sizes.batch * sizes.time, in = c.hiddenSize(), out = 2 * c.intermediateSize();
        int heads = c.heads(), dim = c.headDim(), fused = 3 * heads * dim;
        Buffer x = on.allocate(DType.F32, (long) rows * in), dx = on.allocate(DType.F32, (long) rows * in);
        Buffer y = on.allocate(DType.F32, (long) rows * out), w = on.allocate(DType.F32, (long) out * in);
        Buffer dw = on.allocate(DType.F32, (long) out * in);
        double product = 2.0 * rows * in * out;
        String shape = precision + " product of " + rows + " x " + in + " x " + out;
        flops(on, shape, product, y, () -> on.linear(y, x, w, rows, in, out, 0));
        flops(on, shape + ", input's gradient", product, dx, () -> {
            on.linearInputGradient(dx, y, w, rows, in, out, 0);
        });
        flops(on, shape + ", weights' gradient", product, dw, () -> {
            on.linearWeightGradient(dw, y, x, rows, in, out, 0);
        });
        Buffer qkv = on.allocate(DType.F32, (long) rows * fused), dqkv = on.allocate(DType.F32, (long) rows * fused);
        Buffer logs = on.allocate(DType.F32, (long) rows * heads);
        // Scores and values of the causal half; backward they are made again, and two gradients of each.
        double attention = 2.0 * rows * sizes.time * heads * dim;
        String attended = "attention of " + sizes.batch + " x " + sizes.time + ", " + heads + " heads of " + dim;
        flops(on, attended, attention, x, () -> {
            on.selfAttention(x, logs, qkv, sizes.batch, sizes.time, heads, heads, dim, true);
        });
        flops(on, attended + ", gradient", 2.5 * attention, dqkv, () -> {
            on.selfAttentionGradient(dqkv, dx, x, logs, qkv, sizes.batch, sizes.time, heads, heads, dim, true);
        });
        long n = w.elements();
        Buffer m = on.allocate(DType.F32, n), v = on.allocate(DType.F32, n);
        double update = seconds(on, 8, w, () -> on.adamW(w, dw, m, v, n, 1e-4, 0.9, 0.95, 1e-8, 0.1, 1, 1));
        double moved = 28.0 * n / update / 1e9; // four are read, three written
        figure("AdamW", moved, "GB/s", copied, moved / copied);
        for (Buffer b : new Buffer[] {x, dx, y, w, dw, qkv, dqkv, logs, m, v}) on.free(b);
    }

    private void flops(Device on, String what, double operations, Buffer last, Runnable work) {
        figure(what, operations / seconds(on, 8, last, work) / 1e9, "GFLOP/s");
    }

    private double seconds(int calls, Buffer last, Runnable work) {
        return seconds(device, calls, last, work);
    }

    /** Of a call, where many follow one another and the last is waited for; the best of three rounds. */
    private static double seconds(Device device, int calls, Buffer last, Runnable work) {
        float[] one = new float[1];
        double best = Double.POSITIVE_INFINITY;
        for (int round = 0; round < 4; round++) {
            long began = System.nanoTime();
            for (int i = 0; i < calls; i++) work.run();
            device.download(last, one, 0, 1);
            double seconds = (System.nanoTime() - began) / 1e9 / calls;
            if (round > 0) best = Math.min(best, seconds);
        }
        return best;
    }

    // ---- passes -------------------------------------------------------------------------------

    private void passes(String name, LlamaWeights weights) {
        double least = weights.passBytes() / copied * 1e-6;
        try (Llama model = new Llama(device, weights, sizes.longest())) {
            for (int context : sizes.contexts) {
                int[] tokens = random(context + MOST_ROWS, model.vocabulary());
                model.truncate(0);
                double first = 0;
                long began = System.nanoTime();
                model.read(tokens, 0, context, 1);
                model.logits(0, new float[model.logits()]);
                double prompt = context / ((System.nanoTime() - began) / 1e9);
                figure(name + ": prompt of " + context + ", the first time", prompt, "tokens/s");
                for (int rows : new int[] {1, 5, MOST_ROWS}) {
                    double ms = median(model, tokens, context, rows);
                    String what = name + ": a pass of " + rows + " rows behind " + context;
                    if (rows == 1) figure(what, first = ms, "ms", least, least / ms);
                    else figure(what + ", in passes of one", ms / first, "");
                }
            }
        }
    }

    private double median(CausalModel model, int[] tokens, int context, int rows) {
        double[] ms = new double[sizes.times];
        float[] row = new float[model.logits()];
        for (int i = 0; i < ms.length; i++) {
            long began = System.nanoTime();
            model.read(tokens, context, rows, rows);
            model.logits(rows - 1, row);
            ms[i] = (System.nanoTime() - began) * 1e-6;
            model.truncate(context);
        }
        Arrays.sort(ms);
        return ms[ms.length / 2];
    }

    private static int[] random(int count, int vocabulary) {
        return new SplittableRandom(count).ints(count, 3, vocabulary).toArray();
    }

    // ---- the engine ---------------------------------------------------------------------------

    private void engine(LlamaWeights target, LlamaWeights draft) {
        double c = (double) sizes.draft.parameters() / sizes.target.parameters();
        try (Engine engine = new Engine(target, draft)) {
            double rate = rate(engine.alone), most = copied * 1e9 / target.passBytes();
            figure("target alone", rate, "tokens/s", most, rate / most);
            for (double right : RATES) {
                for (int gamma : GAMMAS) {
                    Generation found = engine.with(right, gamma);
                    double tau = tau(found), mbsu = Tally.memoryBoundSpeedup(tau, c, gamma), ratio = rate(found) / rate;
                    String what = "ratio, guesses right at %.1f, gamma %d (tau %.2f), of MBSU";
                    figure(String.format(Locale.ROOT, what, right, gamma, tau), ratio, "", mbsu, ratio / mbsu);
                }
            }
        }
    }

    private static double tau(Generation generation) {
        Tally tally = new Tally();
        tally.add(generation);
        return tally.blockEfficiency();
    }

    /** Tokens a pass where guesses are right at this rate. */
    double imposed(double right, int gamma) {
        try (Arena arena = Arena.ofShared();
                LlamaWeights target = RandomModel.of(device, sizes.target, arena);
                LlamaWeights draft = RandomModel.of(device, sizes.draft, arena);
                Engine engine = new Engine(target, draft)) {
            return tau(engine.with(right, gamma));
        }
    }

    /** Target and draft, and what the target says alone. */
    private final class Engine implements AutoCloseable {
        private final int[] prompt = random(PROMPT, sizes.target.vocabSize());
        private final Limits limits = new Limits(sizes.tokens, Set.of());
        private final Llama large;
        private final Llama small;
        private final Decoder decoder;
        final Generation alone;

        Engine(LlamaWeights target, LlamaWeights draft) {
            int room = sizes.longest() + Decoder.MAX_GAMMA;
            large = new Llama(device, target, room);
            small = new Llama(device, draft, room);
            decoder = new Decoder(large);
            text(); // the device gets ready
            alone = text();
        }

        private Generation text() {
            return decoder.autoregressive(prompt, Sampling.GREEDY, limits, 0, Listener.NONE);
        }

        Generation with(double right, int gamma) {
            Imposed draft = new Imposed(new NeuralDraft(small, sizes.draft.parameters()), alone.tokens(), right);
            Generation found = decoder.speculative(prompt, draft, gamma, Sampling.GREEDY, limits, 0, Listener.NONE);
            said(alone, found, gamma);
            return found;
        }

        @Override
        public void close() {
            small.close();
            large.close();
        }
    }

    /** @throws Failure (data) where drafts have changed what the target says */
    static void said(Generation alone, Generation found, int gamma) {
        if (Arrays.equals(alone.tokens(), found.tokens())) return;
        throw Failure.data(
                "speculative decoding, gamma " + gamma,
                "another text than without a draft",
                "the same tokens, bit for bit",
                "The device is broken: run its tests.");
    }

    /** Tokens/s behind the prompt's pass. */
    private static double rate(Generation g) {
        return (g.tokens().length - 1) / (g.times().decode() / 1e9);
    }

    void write(Path file) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("device", device.name());
        all.put("date", LocalDate.now().toString());
        all.put("java", System.getProperty("java.runtime.version"));
        all.put("figures", figures);
        AtomicFiles.file(
                file,
                to -> Files.write(
                        to,
                        new ObjectMapper()
                                .enable(SerializationFeature.INDENT_OUTPUT)
                                .writeValueAsBytes(all)));
    }
}
