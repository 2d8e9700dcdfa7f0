package dev.outrider.checkpoints;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Random configurations and weights for tests; small, but of every kind that a LLaMA can be. */
public final class Models {
    private Models() {}

    public static ModelConfig config(RandomGenerator random) {
        int kvHeads = random.nextInt(1, 4), heads = kvHeads * random.nextInt(1, 4), headDim = 2 * random.nextInt(1, 5);
        int vocab = random.nextInt(8, 40);
        DType[] types = {DType.F32, DType.BF16, DType.F16};
        return new ModelConfig(
                vocab,
                random.nextInt(1, 20),
                random.nextInt(1, 30),
                random.nextInt(1, 4),
                heads,
                kvHeads,
                headDim,
                random.nextInt(1, 5000),
                random.nextDouble(1e-7, 1e-3),
                random.nextDouble(10, 1e6),
                scaling(random),
                random.nextBoolean(),
                random.nextBoolean(),
                random.nextBoolean(),
                random.nextInt(-1, vocab),
                IntStream.range(0, random.nextInt(4))
                        .map(i -> random.nextInt(vocab))
                        .boxed()
                        .distinct()
                        .toList(),
                types[random.nextInt(types.length)]);
    }

    private static RopeScaling scaling(RandomGenerator random) {
        return switch (random.nextInt(3)) {
            case 0 -> new RopeScaling.None();
            case 1 -> new RopeScaling.Linear(random.nextDouble(1, 16));
            default ->
                new RopeScaling.Llama3(
                        random.nextDouble(1, 32),
                        random.nextDouble(0.5, 2),
                        random.nextDouble(2, 8),
                        random.nextInt(1, 8192));
        };
    }

    /** All tensors of the configuration, standard normal, in the type that it names. */
    public static List<Tensor> tensors(ModelConfig config, RandomGenerator random) {
        List<Tensor> tensors = new ArrayList<>();
        new LlamaLayout(config)
                .shapes()
                .forEach((name, shape) -> tensors.add(tensor(name, config.dtype(), random, shape)));
        return tensors;
    }

    public static Tensor tensor(String name, DType type, RandomGenerator random, long... shape) {
        int count = Math.toIntExact(Tensor.elements(shape));
        if (type == DType.F32) return Tensor.of(name, Seeds.normal(random, count, 1), shape);
        short[] bits = new short[count];
        for (int i = 0; i < count; i++) {
            float value = (float) random.nextGaussian();
            bits[i] = type == DType.F16 ? Float.floatToFloat16(value) : (short) (Float.floatToRawIntBits(value) >>> 16);
        }
        byte[] bytes = new byte[2 * count];
        MemorySegment.ofArray(bytes).copyFrom(MemorySegment.ofArray(bits));
        return new Tensor(name, type, shape, MemorySegment.ofArray(bytes));
    }
}
