package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.decode.device.Device;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * How a head's cache of keys lies: blocks of {@link #KEYS} entries, [capacity / KEYS, D, KEYS], so that a query
 * meets the same channel of many keys in one vector and no sum goes across lanes. Values lie entry by entry,
 * [capacity, D].
 */
final class KeyBlocks {
    /** Entries of a block: two vectors, which divide {@link Device#CACHE_BLOCK}. */
    static final int KEYS = 2 * LANES;

    private KeyBlocks() {}

    /** Key [D] at {@code from} becomes an entry. */
    static void put(long keys, int entry, long from, int headDim) {
        long to = keys + 4L * ((long) (entry / KEYS) * KEYS * headDim + entry % KEYS);
        for (int d = 0; d < headDim; d++) Lanes.set(to + 4L * KEYS * d, Lanes.get(from + 4L * d));
    }

    /** Value [D] at {@code from} becomes an entry. */
    static void putValue(long values, int entry, long from, int headDim) {
        long width = 4L * headDim;
        MemorySegment.copy(Lanes.ALL, from, Lanes.ALL, values + width * entry, width);
    }

    /** scores[to of the query + k] = scale · query i · key k of a block, three queries; every sum in the order of channels. */
    static void scoreRow(
            float[] scores,
            int to0,
            int to1,
            int to2,
            long q0,
            long q1,
            long q2,
            long block,
            int headDim,
            float scale) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0;
        for (int d = 0; d < headDim; d++, block += 8L * LANES) {
            FloatVector k0 = Lanes.load(block), k1 = Lanes.load(block + 4L * LANES);
            FloatVector x = Lanes.all(Lanes.get(q0 + 4L * d));
            a0 = k0.fma(x, a0);
            a1 = k1.fma(x, a1);
            x = Lanes.all(Lanes.get(q1 + 4L * d));
            b0 = k0.fma(x, b0);
            b1 = k1.fma(x, b1);
            x = Lanes.all(Lanes.get(q2 + 4L * d));
            c0 = k0.fma(x, c0);
            c1 = k1.fma(x, c1);
        }
        a0.mul(scale).intoArray(scores, to0);
        a1.mul(scale).intoArray(scores, to0 + LANES);
        b0.mul(scale).intoArray(scores, to1);
        b1.mul(scale).intoArray(scores, to1 + LANES);
        c0.mul(scale).intoArray(scores, to2);
        c1.mul(scale).intoArray(scores, to2 + LANES);
    }
}
