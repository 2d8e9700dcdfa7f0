package dev.outrider.decode.speculate;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGenerator.SplittableGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Every random decision of decoding. Only two kinds exist, so that a proof can take the place of the
 * generator and walk through all outcomes with their exact probabilities.
 */
public interface Chance {
    /** True with this probability; 1 or more is always, 0 or less never. */
    boolean happens(double probability);

    /** An id drawn from the law. */
    int draw(Law law);

    /** Decisions by a random generator. */
    static Chance of(RandomGenerator random) {
        return new Chance() {
            @Override
            public boolean happens(double probability) {
                return random.nextDouble() < probability;
            }

            @Override
            public int draw(Law law) {
                return law.draw(random);
            }
        };
    }

    /** Independent streams of one seed: what one decides never shifts what another decides. */
    static Chance[] streams(long seed, int count) {
        return Arrays.stream(generators(seed, count)).map(Chance::of).toArray(Chance[]::new);
    }

    /** The generators behind {@link #streams}. */
    static RandomGenerator[] generators(long seed, int count) {
        var root = (SplittableGenerator)
                RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        RandomGenerator[] generators = new RandomGenerator[count];
        for (int i = 0; i < count; i++) generators[i] = root.split();
        return generators;
    }
}
