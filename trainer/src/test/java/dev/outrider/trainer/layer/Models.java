package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.trainer.Batch;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/** Small models of every kind, and batches for them. */
final class Models {
    private Models() {}

    /**
     * Plain; grouped and tied with scaled rotary frequencies; all biases with a wide head_dim; one shared head; with
     * Llama 3's scaling of a large rotary base and a large epsilon.
     */
    static Stream<ModelConfig> all() {
        return Stream.of(
                of(4, 4, 6, new RopeScaling.None(), false, false, false),
                of(4, 2, 8, new RopeScaling.Linear(2), true, false, false),
                of(2, 2, 10, new RopeScaling.None(), false, true, true),
                of(3, 1, 4, new RopeScaling.None(), true, true, false),
                of(3, 1, 8, 1e-2, 100_000, new RopeScaling.Llama3(8, 1, 4, 16), true, false, false));
    }

    static ModelConfig of(
            int heads, int kvHeads, int headDim, RopeScaling scaling, boolean tied, boolean qkvBias, boolean mlpBias) {
        return of(heads, kvHeads, headDim, 1e-5, 10_000, scaling, tied, qkvBias, mlpBias);
    }

    private static ModelConfig of(
            int heads,
            int kvHeads,
            int headDim,
            double epsilon,
            double theta,
            RopeScaling scaling,
            boolean tied,
            boolean qkvBias,
            boolean mlpBias) {
        return new ModelConfig(
                37,
                24,
                40,
                2,
                heads,
                kvHeads,
                headDim,
                64,
                epsilon,
                theta,
                scaling,
                tied,
                qkvBias,
                mlpBias,
                1,
                List.of(2),
                DType.F32);
    }

    /** Random tokens; about one in four positions is not counted, and no sequence's last one is. */
    static Batch batch(ModelConfig config, RandomGenerator random, int sequences, int time) {
        int[] tokens = new int[sequences * time];
        byte[] supervised = new byte[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = random.nextInt(config.vocabSize());
            supervised[i] = (byte) (random.nextInt(4) == 0 ? 0 : 1);
        }
        return Batch.nextToken(sequences, time, tokens, supervised);
    }
}
