package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.trainer.clip.ClipShape;
import dev.outrider.trainer.clip.PairBatch;
import java.util.List;
import java.util.random.RandomGenerator;

/** Small CLIPs of random shape, and batches for them. */
final class ClipModels {
    static final int VOCABULARY = 23, LONGEST = 9;

    private ClipModels() {}

    static ClipConfig tower(RandomGenerator random, Gelu activation) {
        int heads = 1 + random.nextInt(3), patch = 2 + random.nextInt(3);
        return new ClipConfig(
                patch * (2 + random.nextInt(3)) + random.nextInt(patch),
                patch,
                3,
                heads * 2 * (3 + random.nextInt(4)),
                3 + random.nextInt(20),
                1 + random.nextInt(3),
                heads,
                1e-5,
                activation,
                DType.F32);
    }

    static ClipShape shape(RandomGenerator random) {
        ModelConfig captions = new ModelConfig(
                VOCABULARY,
                12,
                20,
                1 + random.nextInt(2),
                2,
                1,
                6,
                LONGEST,
                1e-5,
                10_000,
                new RopeScaling.None(),
                false,
                random.nextBoolean(),
                random.nextBoolean(),
                1,
                List.of(2),
                random.nextBoolean() ? 0 : -1,
                DType.F32,
                0);
        Gelu activation = Gelu.values()[random.nextInt(2)];
        return new ClipShape(tower(random, activation), captions, 1 + random.nextInt(11));
    }

    /** Random pictures and captions of random lengths, without the padding token. */
    static PairBatch batch(ClipShape shape, RandomGenerator random, int size) {
        float[][] pixels = new float[size][];
        int[][] captions = new int[size][];
        long[] pictures = new long[size];
        for (int i = 0; i < size; i++) {
            pixels[i] = Seeds.normal(random, shape.pictures().pictureValues(), 1);
            captions[i] =
                    random.ints(1 + random.nextInt(LONGEST), 1, VOCABULARY).toArray();
            pictures[i] = i;
        }
        return new PairBatch(pixels, captions, pictures);
    }
}
