package dev.outrider.decode.device.cpu;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Bfloat16 weights: the upper half of a float32, widened in registers. */
final class SkinnyTileBf16 extends SkinnyTile {
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
    private static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    @Override
    int bytes() {
        return 2;
    }

    @Override
    float weight(long address) {
        return Float.intBitsToFloat(ALL.get(SHORT, address) << 16);
    }

    private static FloatVector widened(long address) {
        ShortVector halves = ShortVector.fromMemorySegment(HALVES, ALL, address, ORDER);
        IntVector words = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
        return words.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    @Override
    void one(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 2L * i;
            FloatVector v = floats(x + 4L * i);
            a = widened(w0 + at).fma(v, a);
            b = widened(w1 + at).fma(v, b);
            c = widened(w2 + at).fma(v, c);
            d = widened(w3 + at).fma(v, d);
        }
        store(sums, 0, a, b, c, d);
    }

    @Override
    void two(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        long y = x + 4L * in;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 2L * i;
            FloatVector k = widened(w0 + at), l = widened(w1 + at), m = widened(w2 + at), n = widened(w3 + at);
            FloatVector v = floats(x + 4L * i);
            a = k.fma(v, a);
            b = l.fma(v, b);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = floats(y + 4L * i);
            e = k.fma(v, e);
            f = l.fma(v, f);
            g = m.fma(v, g);
            h = n.fma(v, h);
        }
        store(sums, 0, a, b, c, d);
        store(sums, 1, e, f, g, h);
    }

    @Override
    void four(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        FloatVector o = a, p = a, q = a, r = a, s = a, t = a, u = a, z = a;
        long row = 4L * in;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 2L * i, from = x + 4L * i;
            FloatVector k = widened(w0 + at), l = widened(w1 + at), m = widened(w2 + at), n = widened(w3 + at);
            FloatVector v = floats(from);
            a = k.fma(v, a);
            b = l.fma(v, b);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = floats(from + row);
            e = k.fma(v, e);
            f = l.fma(v, f);
            g = m.fma(v, g);
            h = n.fma(v, h);
            v = floats(from + 2 * row);
            o = k.fma(v, o);
            p = l.fma(v, p);
            q = m.fma(v, q);
            r = n.fma(v, r);
            v = floats(from + 3 * row);
            s = k.fma(v, s);
            t = l.fma(v, t);
            u = m.fma(v, u);
            z = n.fma(v, z);
        }
        store(sums, 0, a, b, c, d);
        store(sums, 1, e, f, g, h);
        store(sums, 2, o, p, q, r);
        store(sums, 3, s, t, u, z);
    }
}
