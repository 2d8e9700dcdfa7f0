package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import java.nio.ByteOrder;
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
        return Lanes.getBf16(address);
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
            FloatVector a = Lanes.load(from + i), b = Lanes.load(from + i + 2 * STEP);
            Lanes.store(a.rearrange(EVEN, b), to + i);
            Lanes.store(a.rearrange(ODD, b), to + i + 2 * STEP);
        }
    }

    // Index into two vectors as a shuffle takes it: the second's lanes are exceptional, below zero.
    private static int both(int index) {
        return index < LANES ? index : index - STEP;
    }

    private static IntVector pairs(long address) {
        return IntVector.fromMemorySegment(INTS, Lanes.ALL, address, ByteOrder.nativeOrder());
    }

    private static FloatVector lower(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector upper(IntVector pairs) {
        return pairs.and(0xffff0000).reinterpretAsFloats();
    }

    @Override
    void one(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        row(sums, to, in, x, w0, w1, w2, w3);
    }

    // The second row finds the weights in the nearest cache.
    @Override
    void two(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        row(sums, to, in, x, w0, w1, w2, w3);
        row(sums, to + OUTS * LANES, in, x + 4L * in, w0, w1, w2, w3);
    }

    private static void row(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        for (int i = 0, end = in - in % STEP; i < end; i += STEP) {
            long at = 2L * i, first = 4L * i, second = first + 4L * LANES;
            IntVector k = pairs(w0 + at), l = pairs(w1 + at), m = pairs(w2 + at), n = pairs(w3 + at);
            FloatVector v = Lanes.load(x + first);
            a = lower(k).fma(v, a);
            b = lower(l).fma(v, b);
            c = lower(m).fma(v, c);
            d = lower(n).fma(v, d);
            v = Lanes.load(x + second);
            a = upper(k).fma(v, a);
            b = upper(l).fma(v, b);
            c = upper(m).fma(v, c);
            d = upper(n).fma(v, d);
        }
        store(sums, to, a, b, c, d);
    }

    // Two outputs at a time: four would be more than the compiler inlines.
    @Override
    void four(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        four(sums, to, in, x, w0, w1);
        four(sums, to + 2 * LANES, in, x, w2, w3);
    }

    private static void four(float[] sums, int to, int in, long x, long w0, long w1) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        long row = 4L * in;
        for (int i = 0, end = in - in % STEP; i < end; i += STEP) {
            IntVector k = pairs(w0 + 2L * i), l = pairs(w1 + 2L * i);
            long from = x + 4L * i;
            FloatVector m = lower(k), n = lower(l);
            FloatVector v = Lanes.load(from);
            a = m.fma(v, a);
            b = n.fma(v, b);
            v = Lanes.load(from + row);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = Lanes.load(from + 2 * row);
            e = m.fma(v, e);
            f = n.fma(v, f);
            v = Lanes.load(from + 3 * row);
            g = m.fma(v, g);
            h = n.fma(v, h);
            m = upper(k);
            n = upper(l);
            from += 4L * LANES;
            v = Lanes.load(from);
            a = m.fma(v, a);
            b = n.fma(v, b);
            v = Lanes.load(from + row);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = Lanes.load(from + 2 * row);
            e = m.fma(v, e);
            f = n.fma(v, f);
            v = Lanes.load(from + 3 * row);
            g = m.fma(v, g);
            h = n.fma(v, h);
        }
        store(sums, to, a, b);
        store(sums, to + OUTS * LANES, c, d);
        store(sums, to + 2 * OUTS * LANES, e, f);
        store(sums, to + 3 * OUTS * LANES, g, h);
    }

    private static void store(float[] sums, int at, FloatVector a, FloatVector b) {
        a.intoArray(sums, at);
        b.intoArray(sums, at + LANES);
    }
}
