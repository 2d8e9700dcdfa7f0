package dev.outrider.decode.device.cpu;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Bfloat16 weights: the upper halves of float32 values. A lane of 32 bits holds two neighbours; a shift makes
 * a float of the first, a mask one of the second. So lane l adds the products at 2l and 2l + 1 of every step,
 * and x is brought into that order beforehand: first those at even places, then those at odd ones.
 */
final class SkinnyTileBf16 extends SkinnyTile {
    private static final int STEP = 2 * LANES;
    private static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final VectorShuffle<Float> EVEN = VectorShuffle.fromOp(FLOATS, i -> both(2 * i));
    private static final VectorShuffle<Float> ODD = VectorShuffle.fromOp(FLOATS, i -> both(2 * i + 1));

    @Override
    int bytes() {
        return 2;
    }

    @Override
    int step() {
        return STEP;
    }

    @Override
    float weight(long address) {
        return Float.intBitsToFloat(ALL.get(SHORT, address) << 16);
    }

    @Override
    int lane(int i) {
        return i / 2;
    }

    @Override
    boolean arranges() {
        return true;
    }

    @Override
    void arrange(long to, long from, long count) {
        for (long i = 0; i < 4 * count; i += 4 * STEP) {
            FloatVector a = floats(from + i), b = floats(from + i + 2 * STEP);
            a.rearrange(EVEN, b).intoMemorySegment(ALL, to + i, ORDER);
            a.rearrange(ODD, b).intoMemorySegment(ALL, to + i + 2 * STEP, ORDER);
        }
    }

    // Index into two vectors as a shuffle takes it: the second's lanes are exceptional, below zero.
    private static int both(int index) {
        return index < LANES ? index : index - STEP;
    }

    private static IntVector pairs(long address) {
        return IntVector.fromMemorySegment(INTS, ALL, address, ORDER);
    }

    private static FloatVector lower(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector upper(IntVector pairs) {
        return pairs.and(0xffff0000).reinterpretAsFloats();
    }

    @Override
    void one(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        row(sums, 0, in, x, w0, w1, w2, w3);
    }

    // The second row finds the weights in the nearest cache.
    @Override
    void two(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        row(sums, 0, in, x, w0, w1, w2, w3);
        row(sums, LANES, in, x + 4L * in, w0, w1, w2, w3);
    }

    private static void row(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        for (int i = 0, end = in - in % STEP; i < end; i += STEP) {
            long at = 2L * i, first = 4L * i, second = first + 4L * LANES;
            IntVector k = pairs(w0 + at), l = pairs(w1 + at), m = pairs(w2 + at), n = pairs(w3 + at);
            FloatVector v = floats(x + first);
            a = lower(k).fma(v, a);
            b = lower(l).fma(v, b);
            c = lower(m).fma(v, c);
            d = lower(n).fma(v, d);
            v = floats(x + second);
            a = upper(k).fma(v, a);
            b = upper(l).fma(v, b);
            c = upper(m).fma(v, c);
            d = upper(n).fma(v, d);
        }
        sums(a, b, c, d).intoArray(sums, to);
    }

    // Two outputs at a time: four would be more than the compiler inlines.
    @Override
    void four(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        four(sums, 0, in, x, w0, w1);
        four(sums, 2 * LANES, in, x, w2, w3);
        for (int row = 0; row < 4; row++) fold(sums, row);
    }

    private static void four(float[] sums, int at, int in, long x, long w0, long w1) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        long row = 4L * in;
        for (int i = 0, end = in - in % STEP; i < end; i += STEP) {
            IntVector k = pairs(w0 + 2L * i), l = pairs(w1 + 2L * i);
            long from = x + 4L * i;
            FloatVector m = lower(k), n = lower(l);
            FloatVector v = floats(from);
            a = m.fma(v, a);
            b = n.fma(v, b);
            v = floats(from + row);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = floats(from + 2 * row);
            e = m.fma(v, e);
            f = n.fma(v, f);
            v = floats(from + 3 * row);
            g = m.fma(v, g);
            h = n.fma(v, h);
            m = upper(k);
            n = upper(l);
            from += 4L * LANES;
            v = floats(from);
            a = m.fma(v, a);
            b = n.fma(v, b);
            v = floats(from + row);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = floats(from + 2 * row);
            e = m.fma(v, e);
            f = n.fma(v, f);
            v = floats(from + 3 * row);
            g = m.fma(v, g);
            h = n.fma(v, h);
        }
        store(sums, at, a, b);
        store(sums, at + OUTS * LANES, c, d);
        store(sums, at + 2 * OUTS * LANES, e, f);
        store(sums, at + 3 * OUTS * LANES, g, h);
    }

    private static void store(float[] sums, int at, FloatVector a, FloatVector b) {
        a.intoArray(sums, at);
        b.intoArray(sums, at + LANES);
    }
}
