package dev.outrider.recipes.bench;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.speculate.BatchDecoder;
import dev.outrider.decode.speculate.BatchRequest;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.Sampling;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * How fast a model writes: one text at a time and many in a batch, the same prompts and sampling in the same
 * run. Prompts are random tokens, and no token ends a text; prompts' time counts on both sides.
 *
 * @param threads 0: all processors
 * @param slots texts of the batch
 * @param prompt tokens of a prompt
 * @param tokens of an answer
 * @param topK ids whose probabilities are kept at every token of the batch's answers
 */
public record GenerationBench(Path model, int threads, WeightType held, int slots, int prompt, int tokens, int topK) {
    private static final Sampling SAMPLING = new Sampling(0.7, 0, 0.95, 0, 1);
    private static final int WARM = 16, ALONE = 2;

    public void run(PrintStream out) {
        int all = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
        try (Checkpoint checkpoint = Checkpoint.open(model);
                CpuDevice device = new CpuDevice(all);
                LlamaWeights weights = LlamaWeights.load(device, checkpoint, held)) {
            out.printf(Locale.ROOT, "%s held as %s, %s%n", model, held, device.name());
            double alone = alone(device, weights);
            out.printf(Locale.ROOT, "one text at a time: %8.1f tok/s%n", alone);
            double batched = batched(out, device, weights);
            out.printf(Locale.ROOT, "batched, %d slots:  %8.1f tok/s = %.2f times%n", slots, batched, batched / alone);
        }
    }

    private double alone(CpuDevice device, LlamaWeights weights) {
        try (Llama llama = new Llama(device, weights, prompt + tokens)) {
            Decoder decoder = new Decoder(llama);
            alone(decoder, request(weights, 0, WARM));
            long from = System.nanoTime();
            for (int i = 0; i < ALONE; i++) alone(decoder, request(weights, i, tokens));
            return ALONE * tokens / seconds(from);
        }
    }

    private static void alone(Decoder decoder, BatchRequest r) {
        decoder.autoregressive(r.prompt(), r.sampling(), r.limits(), r.seed(), Listener.NONE);
    }

    private double batched(PrintStream out, CpuDevice device, LlamaWeights weights) {
        try (BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, slots, prompt + tokens, topK)) {
            decoder.run(requests(weights, slots, WARM), answer -> {});
            BatchDecoder.Times warm = decoder.times();
            long from = System.nanoTime();
            decoder.run(requests(weights, slots, tokens), answer -> {});
            double seconds = seconds(from);
            describe(out, warm, decoder.times(), seconds);
            return slots * tokens / seconds;
        }
    }

    private static void describe(PrintStream out, BatchDecoder.Times warm, BatchDecoder.Times t, double seconds) {
        double steps = (t.steps() - warm.steps()) * 1e-9, passes = t.passes() - warm.passes();
        out.printf(
                Locale.ROOT,
                "  of the batch's %.1f s: prompts %.1f %%, steps %.1f %% (%.1f ms each), choosing tokens %.1f %%%n",
                seconds,
                100 * (t.prompts() - warm.prompts()) * 1e-9 / seconds,
                100 * steps / seconds,
                1000 * steps / passes,
                100 * (t.choice() - warm.choice()) * 1e-9 / seconds);
    }

    private Iterator<BatchRequest> requests(LlamaWeights weights, int count, int tokens) {
        return IntStream.range(0, count)
                .mapToObj(i -> request(weights, i, tokens))
                .iterator();
    }

    private BatchRequest request(LlamaWeights weights, int seed, int tokens) {
        int[] ids = new SplittableRandom(seed)
                .ints(prompt, 0, weights.config().vocabSize())
                .toArray();
        return new BatchRequest(ids, SAMPLING, new Limits(tokens, Set.of()), seed);
    }

    private static double seconds(long from) {
        return (System.nanoTime() - from) * 1e-9;
    }
}
