package dev.outrider.decode.device.cpu;

import jdk.incubator.vector.FloatVector;

/** Float32 weights: lane l adds the products at l, l + LANES, l + 2·LANES, … */
final class SkinnyTileF32 extends SkinnyTile {
    @Override
    int bytes() {
        return 4;
    }

    @Override
    int step() {
        return LANES;
    }

    @Override
    float weight(long address) {
        return value(address);
    }

    @Override
    int lane(int i) {
        return i;
    }

    @Override
    void one(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 4L * i;
            FloatVector v = floats(x + at);
            a = floats(w0 + at).fma(v, a);
            b = floats(w1 + at).fma(v, b);
            c = floats(w2 + at).fma(v, c);
            d = floats(w3 + at).fma(v, d);
        }
        sums(a, b, c, d).intoArray(sums, 0);
    }

    @Override
    void two(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        long y = x + 4L * in;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 4L * i;
            FloatVector k = floats(w0 + at), l = floats(w1 + at), m = floats(w2 + at), n = floats(w3 + at);
            FloatVector v = floats(x + at);
            a = k.fma(v, a);
            b = l.fma(v, b);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = floats(y + at);
            e = k.fma(v, e);
            f = l.fma(v, f);
            g = m.fma(v, g);
            h = n.fma(v, h);
        }
        store(sums, 0, a, b, c, d);
        store(sums, 1, e, f, g, h);
        for (int row = 0; row < 2; row++) fold(sums, row);
    }

    @Override
    void four(float[] sums, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        FloatVector o = a, p = a, q = a, r = a, s = a, t = a, u = a, z = a;
        long y = x + 4L * in, xx = x + 8L * in, yy = x + 12L * in;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 4L * i;
            FloatVector k = floats(w0 + at), l = floats(w1 + at), m = floats(w2 + at), n = floats(w3 + at);
            FloatVector v = floats(x + at);
            a = k.fma(v, a);
            b = l.fma(v, b);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = floats(y + at);
            e = k.fma(v, e);
            f = l.fma(v, f);
            g = m.fma(v, g);
            h = n.fma(v, h);
            v = floats(xx + at);
            o = k.fma(v, o);
            p = l.fma(v, p);
            q = m.fma(v, q);
            r = n.fma(v, r);
            v = floats(yy + at);
            s = k.fma(v, s);
            t = l.fma(v, t);
            u = m.fma(v, u);
            z = n.fma(v, z);
        }
        store(sums, 0, a, b, c, d);
        store(sums, 1, e, f, g, h);
        store(sums, 2, o, p, q, r);
        store(sums, 3, s, t, u, z);
        for (int row = 0; row < 4; row++) fold(sums, row);
    }
}
