package dev.outrider.checkpoints;

import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Random numbers for tests, with the seed in every failure: {@code Seeds.run("name", 20, random -> ...)}. */
public final class Seeds {
    private Seeds() {}

    /** A test body that draws its input from the generator. */
    @FunctionalInterface
    public interface Body {
        void accept(RandomGenerator random) throws Exception;
    }

    /** Runs the body with seeds 0 .. count-1, or with the one that -Doutrider.seed names. */
    public static void run(int count, Body body) {
        Long only = Long.getLong("outrider.seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? count : only + 1); seed++) {
            try {
                body.accept(generator(seed));
            } catch (Throwable t) {
                throw new AssertionError("seed " + seed + " (repeat with -Doutrider.seed=" + seed + "): " + t, t);
            }
        }
    }

    public static RandomGenerator generator(long seed) {
        return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    }

    /** Standard normal values times scale. */
    public static float[] normal(RandomGenerator random, int count, double scale) {
        float[] out = new float[count];
        for (int i = 0; i < count; i++) out[i] = (float) (random.nextGaussian() * scale);
        return out;
    }
}
