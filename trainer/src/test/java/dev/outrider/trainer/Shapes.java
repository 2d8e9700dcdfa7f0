package dev.outrider.trainer;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.trainer.layer.LlamaGraph;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** LLaMAs of every shape, with weights far from their first values, on disk and in training. */
final class Shapes {
    static final int VOCABULARY = 41;

    private Shapes() {}

    /**
     * As SmolLM2 (grouped, tied, rotary base 100,000); as Llama 3 (grouped, its scaling, wide heads, small
     * epsilon); linear scaling with one shared head, biases and a large epsilon; plain.
     */
    static Stream<ModelConfig> all() {
        return Stream.of(
                of(3, 1, 8, 1e-5, 100_000, new RopeScaling.None(), true, false),
                of(4, 2, 10, 1e-6, 500_000, new RopeScaling.Llama3(8, 1, 4, 16), false, false),
                of(3, 1, 4, 1e-2, 10_000, new RopeScaling.Linear(4), true, true),
                of(2, 2, 12, 1e-5, 10_000, new RopeScaling.None(), false, false));
    }

    private static ModelConfig of(
            int heads, int kv, int headDim, double eps, double theta, RopeScaling scaling, boolean tied, boolean bias) {
        return new ModelConfig(
                VOCABULARY,
                24,
                40,
                5,
                heads,
                kv,
                headDim,
                64,
                eps,
                theta,
                scaling,
                tied,
                bias,
                bias,
                1,
                List.of(2, 7),
                3,
                DType.F32);
    }

    /** Writes a model of random weights; gains around 1. */
    static Path write(Path folder, ModelConfig config, Device device, DType stored, long seed) {
        RandomGenerator random = Seeds.generator(seed);
        try (LlamaGraph graph = LlamaGraph.create(config, device, seed)) {
            List<Tensor> values = new ArrayList<>();
            for (Tensor t : graph.tensors()) values.add(disturbed(t, random));
            HuggingFace.write(folder, config, values, stored, Optional.empty(), Optional.empty());
        }
        return folder;
    }

    private static Tensor disturbed(Tensor tensor, RandomGenerator random) {
        float[] values = tensor.floats();
        boolean table = tensor.name().startsWith("model.embed");
        for (int i = 0; i < values.length; i++) values[i] += (float) random.nextGaussian() * (table ? 1 : 0.2f);
        return Tensor.of(tensor.name(), values, tensor.shape());
    }

    static int[] ids(RandomGenerator random, int count) {
        return random.ints(count, 0, VOCABULARY).toArray();
    }

    /** Ids of a draft vocabulary, the first ones; end tokens among them. */
    static int[] firstIds(int count) {
        return IntStream.range(0, count).toArray();
    }

    /** A batch of one sequence, every position counted but the last. */
    static Batch batch(int[] ids) {
        byte[] all = new byte[ids.length];
        Arrays.fill(all, (byte) 1);
        return Batch.nextToken(1, ids.length, ids, all);
    }

    /** Logits [T, V] of a model in training. */
    static float[] logits(LlamaGraph graph, int[] ids) {
        Buffer out = graph.device()
                .allocate(DType.F32, (long) ids.length * graph.config().outputSize());
        graph.logits(batch(ids), 0, ids.length, out);
        float[] values = new float[(int) out.elements()];
        graph.device().download(out, values, 0, values.length);
        graph.device().free(out);
        return values;
    }
}
