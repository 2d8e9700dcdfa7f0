package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.LongStream;

/**
 * What parameters start from: normal values in matrices, ones in gains, zeros in biases. Blocks of values
 * have their own seeds, so the result depends neither on threads nor on the other parameters.
 */
final class FirstValues {
    private static final long BLOCK = 1 << 16;
    private static final RandomGeneratorFactory<RandomGenerator> GENERATORS =
            RandomGeneratorFactory.of("L64X128MixRandom");

    private FirstValues() {}

    static void fill(Parameter p, Buffer to, long seed) {
        MemorySegment memory = HostArrays.memory(to);
        switch (p.kind()) {
            case MATRIX -> normal(memory, to.elements(), p.deviation(), seed);
            case GAIN -> constant(memory, to.elements(), 1);
            case BIAS -> constant(memory, to.elements(), 0);
        }
    }

    /** A seed of its own for every (model seed, layer, parameter). */
    static long mix(long seed, String layer, String parameter) {
        return scramble(scramble(seed + layer.hashCode()) + parameter.hashCode());
    }

    private static void normal(MemorySegment memory, long elements, double deviation, long seed) {
        long blocks = (elements + BLOCK - 1) / BLOCK;
        LongStream.range(0, blocks).parallel().forEach(block -> {
            RandomGenerator random = GENERATORS.create(scramble(seed + block));
            long end = Math.min(elements, (block + 1) * BLOCK);
            for (long i = block * BLOCK; i < end; i++) {
                memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * deviation));
            }
        });
    }

    private static void constant(MemorySegment memory, long elements, float value) {
        for (long i = 0; i < elements; i++) memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }

    // The finaliser of SplitMix64.
    private static long scramble(long x) {
        x += 0x9e3779b97f4a7c15L;
        x = (x ^ (x >>> 30)) * 0xbf58476d1ce4e5b9L;
        x = (x ^ (x >>> 27)) * 0x94d049bb133111ebL;
        return x ^ (x >>> 31);
    }
}
