package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

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
        return Lanes.get(address);
    }

    @Override
    int lane(int i) {
        return i;
    }

    @Override
    void one(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 4L * i;
            FloatVector v = Lanes.load(x + at);
            a = Lanes.load(w0 + at).fma(v, a);
            b = Lanes.load(w1 + at).fma(v, b);
            c = Lanes.load(w2 + at).fma(v, c);
            d = Lanes.load(w3 + at).fma(v, d);
        }
        store(sums, to, a, b, c, d);
    }

    @Override
    void two(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        long y = x + 4L * in;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 4L * i;
            FloatVector k = Lanes.load(w0 + at),
                    l = Lanes.load(w1 + at),
                    m = Lanes.load(w2 + at),
                    n = Lanes.load(w3 + at);
            FloatVector v = Lanes.load(x + at);
            a = k.fma(v, a);
            b = l.fma(v, b);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = Lanes.load(y + at);
            e = k.fma(v, e);
            f = l.fma(v, f);
            g = m.fma(v, g);
            h = n.fma(v, h);
        }
        store(sums, to, a, b, c, d);
        store(sums, to + OUTS * LANES, e, f, g, h);
    }

    @Override
    void four(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        FloatVector o = a, p = a, q = a, r = a, s = a, t = a, u = a, z = a;
        long y = x + 4L * in, xx = x + 8L * in, yy = x + 12L * in;
        for (int i = 0, end = in - in % LANES; i < end; i += LANES) {
            long at = 4L * i;
            FloatVector k = Lanes.load(w0 + at),
                    l = Lanes.load(w1 + at),
                    m = Lanes.load(w2 + at),
                    n = Lanes.load(w3 + at);
            FloatVector v = Lanes.load(x + at);
            a = k.fma(v, a);
            b = l.fma(v, b);
            c = m.fma(v, c);
            d = n.fma(v, d);
            v = Lanes.load(y + at);
            e = k.fma(v, e);
            f = l.fma(v, f);
            g = m.fma(v, g);
            h = n.fma(v, h);
            v = Lanes.load(xx + at);
            o = k.fma(v, o);
            p = l.fma(v, p);
            q = m.fma(v, q);
            r = n.fma(v, r);
            v = Lanes.load(yy + at);
            s = k.fma(v, s);
            t = l.fma(v, t);
            u = m.fma(v, u);
            z = n.fma(v, z);
        }
        store(sums, to, a, b, c, d);
        store(sums, to + OUTS * LANES, e, f, g, h);
        store(sums, to + 2 * OUTS * LANES, o, p, q, r);
        store(sums, to + 3 * OUTS * LANES, s, t, u, z);
    }
}
