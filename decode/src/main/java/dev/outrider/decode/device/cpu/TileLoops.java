package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;

/**
 * The inner loops of {@link TileProduct}, defined once for every type of weights as {@link SkinnyLoops} is. Of
 * accumulator {@code c2l} c is the row of x, 2 the tile, and l its lower vector (h the higher). BF16 has no scales,
 * and all of a row is one group.
 *
 * <p>Long, because the numbers of rows and tiles must be constants to the compiler: in a loop over them accumulators
 * would be objects.
 */
final class TileLoops implements TileProduct.Loops {
    private static final boolean I8 = SkinnyLoops.type(MethodHandles.lookup()) == DType.I8;

    /** Bytes of an input's weights. */
    private static final int STEP = I8 ? Tiles.OUTS : 2 * Tiles.OUTS;

    private static final int SECOND = I8 ? LANES : 0;

    TileLoops() {}

    /** The loops for weights of a type: BF16 or I8. */
    static TileProduct.Loops of(DType type) {
        return SkinnyLoops.defined(TileLoops.class, TileProduct.Loops.class, type);
    }

    private static FloatVector scaleLow(long group) {
        return I8 ? Lanes.load(group + Buffer.GROUP * STEP) : Lanes.ONE;
    }

    private static FloatVector scaleHigh(long group) {
        return I8 ? Lanes.load(group + Buffer.GROUP * STEP + 4 * LANES) : Lanes.ONE;
    }

    private static FloatVector low(long at, FloatVector scale) {
        return I8 ? Tiles.bytes(at).mul(scale) : Tiles.bf16Low(at);
    }

    private static FloatVector high(long at, FloatVector scale) {
        return I8 ? Tiles.bytes(at + SECOND).mul(scale) : Tiles.bf16High(at);
    }

    @Override
    public void one(float[] sums, float[] x, int from, int in, int count, long w0, long w1, long w2, long w3) {
        FloatVector a0l = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a0h = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a1l = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a1h = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector a2l = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector a2h = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector a3l = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector a3h = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector s0l = scaleLow(w0), s0h = scaleHigh(w0);
        FloatVector s1l = scaleLow(w1), s1h = scaleHigh(w1);
        FloatVector s2l = scaleLow(w2), s2h = scaleHigh(w2);
        FloatVector s3l = scaleLow(w3), s3h = scaleHigh(w3);
        for (int i = 0; i < count; i++) {
            long k = (long) STEP * i;
            FloatVector v0l = low(w0 + k, s0l), v0h = high(w0 + k, s0h);
            FloatVector v1l = low(w1 + k, s1l), v1h = high(w1 + k, s1h);
            FloatVector v2l = low(w2 + k, s2l), v2h = high(w2 + k, s2h);
            FloatVector v3l = low(w3 + k, s3l), v3h = high(w3 + k, s3h);
            FloatVector p = FloatVector.broadcast(FLOATS, x[from + i]);
            a0l = v0l.fma(p, a0l);
            a0h = v0h.fma(p, a0h);
            a1l = v1l.fma(p, a1l);
            a1h = v1h.fma(p, a1h);
            a2l = v2l.fma(p, a2l);
            a2h = v2h.fma(p, a2h);
            a3l = v3l.fma(p, a3l);
            a3h = v3h.fma(p, a3h);
        }
        a0l.intoArray(sums, 0);
        a0h.intoArray(sums, LANES);
        a1l.intoArray(sums, 2 * LANES);
        a1h.intoArray(sums, 3 * LANES);
        a2l.intoArray(sums, 4 * LANES);
        a2h.intoArray(sums, 5 * LANES);
        a3l.intoArray(sums, 6 * LANES);
        a3h.intoArray(sums, 7 * LANES);
    }

    @Override
    public void two(float[] sums, float[] x, int from, int in, int count, long w0, long w1, long w2, long w3) {
        FloatVector a0l = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a0h = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a1l = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a1h = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector a2l = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector a2h = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector a3l = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector a3h = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector b0l = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector b0h = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector b1l = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector b1h = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        FloatVector b2l = FloatVector.fromArray(FLOATS, sums, 12 * LANES);
        FloatVector b2h = FloatVector.fromArray(FLOATS, sums, 13 * LANES);
        FloatVector b3l = FloatVector.fromArray(FLOATS, sums, 14 * LANES);
        FloatVector b3h = FloatVector.fromArray(FLOATS, sums, 15 * LANES);
        FloatVector s0l = scaleLow(w0), s0h = scaleHigh(w0);
        FloatVector s1l = scaleLow(w1), s1h = scaleHigh(w1);
        FloatVector s2l = scaleLow(w2), s2h = scaleHigh(w2);
        FloatVector s3l = scaleLow(w3), s3h = scaleHigh(w3);
        for (int i = 0; i < count; i++) {
            long k = (long) STEP * i;
            FloatVector v0l = low(w0 + k, s0l), v0h = high(w0 + k, s0h);
            FloatVector v1l = low(w1 + k, s1l), v1h = high(w1 + k, s1h);
            FloatVector v2l = low(w2 + k, s2l), v2h = high(w2 + k, s2h);
            FloatVector v3l = low(w3 + k, s3l), v3h = high(w3 + k, s3h);
            FloatVector p = FloatVector.broadcast(FLOATS, x[from + i]);
            a0l = v0l.fma(p, a0l);
            a0h = v0h.fma(p, a0h);
            a1l = v1l.fma(p, a1l);
            a1h = v1h.fma(p, a1h);
            a2l = v2l.fma(p, a2l);
            a2h = v2h.fma(p, a2h);
            a3l = v3l.fma(p, a3l);
            a3h = v3h.fma(p, a3h);
            p = FloatVector.broadcast(FLOATS, x[from + in + i]);
            b0l = v0l.fma(p, b0l);
            b0h = v0h.fma(p, b0h);
            b1l = v1l.fma(p, b1l);
            b1h = v1h.fma(p, b1h);
            b2l = v2l.fma(p, b2l);
            b2h = v2h.fma(p, b2h);
            b3l = v3l.fma(p, b3l);
            b3h = v3h.fma(p, b3h);
        }
        a0l.intoArray(sums, 0);
        a0h.intoArray(sums, LANES);
        a1l.intoArray(sums, 2 * LANES);
        a1h.intoArray(sums, 3 * LANES);
        a2l.intoArray(sums, 4 * LANES);
        a2h.intoArray(sums, 5 * LANES);
        a3l.intoArray(sums, 6 * LANES);
        a3h.intoArray(sums, 7 * LANES);
        b0l.intoArray(sums, 8 * LANES);
        b0h.intoArray(sums, 9 * LANES);
        b1l.intoArray(sums, 10 * LANES);
        b1h.intoArray(sums, 11 * LANES);
        b2l.intoArray(sums, 12 * LANES);
        b2h.intoArray(sums, 13 * LANES);
        b3l.intoArray(sums, 14 * LANES);
        b3h.intoArray(sums, 15 * LANES);
    }

    @Override
    public void three(float[] sums, float[] x, int from, int in, int count, long w0, long w1, long w2) {
        FloatVector a0l = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a0h = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a1l = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a1h = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector a2l = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector a2h = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b0l = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b0h = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector b1l = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector b1h = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector b2l = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector b2h = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        FloatVector c0l = FloatVector.fromArray(FLOATS, sums, 12 * LANES);
        FloatVector c0h = FloatVector.fromArray(FLOATS, sums, 13 * LANES);
        FloatVector c1l = FloatVector.fromArray(FLOATS, sums, 14 * LANES);
        FloatVector c1h = FloatVector.fromArray(FLOATS, sums, 15 * LANES);
        FloatVector c2l = FloatVector.fromArray(FLOATS, sums, 16 * LANES);
        FloatVector c2h = FloatVector.fromArray(FLOATS, sums, 17 * LANES);
        FloatVector s0l = scaleLow(w0), s0h = scaleHigh(w0);
        FloatVector s1l = scaleLow(w1), s1h = scaleHigh(w1);
        FloatVector s2l = scaleLow(w2), s2h = scaleHigh(w2);
        for (int i = 0; i < count; i++) {
            long k = (long) STEP * i;
            FloatVector v0l = low(w0 + k, s0l), v0h = high(w0 + k, s0h);
            FloatVector v1l = low(w1 + k, s1l), v1h = high(w1 + k, s1h);
            FloatVector v2l = low(w2 + k, s2l), v2h = high(w2 + k, s2h);
            FloatVector p = FloatVector.broadcast(FLOATS, x[from + i]);
            a0l = v0l.fma(p, a0l);
            a0h = v0h.fma(p, a0h);
            a1l = v1l.fma(p, a1l);
            a1h = v1h.fma(p, a1h);
            a2l = v2l.fma(p, a2l);
            a2h = v2h.fma(p, a2h);
            p = FloatVector.broadcast(FLOATS, x[from + in + i]);
            b0l = v0l.fma(p, b0l);
            b0h = v0h.fma(p, b0h);
            b1l = v1l.fma(p, b1l);
            b1h = v1h.fma(p, b1h);
            b2l = v2l.fma(p, b2l);
            b2h = v2h.fma(p, b2h);
            p = FloatVector.broadcast(FLOATS, x[from + 2 * in + i]);
            c0l = v0l.fma(p, c0l);
            c0h = v0h.fma(p, c0h);
            c1l = v1l.fma(p, c1l);
            c1h = v1h.fma(p, c1h);
            c2l = v2l.fma(p, c2l);
            c2h = v2h.fma(p, c2h);
        }
        a0l.intoArray(sums, 0);
        a0h.intoArray(sums, LANES);
        a1l.intoArray(sums, 2 * LANES);
        a1h.intoArray(sums, 3 * LANES);
        a2l.intoArray(sums, 4 * LANES);
        a2h.intoArray(sums, 5 * LANES);
        b0l.intoArray(sums, 6 * LANES);
        b0h.intoArray(sums, 7 * LANES);
        b1l.intoArray(sums, 8 * LANES);
        b1h.intoArray(sums, 9 * LANES);
        b2l.intoArray(sums, 10 * LANES);
        b2h.intoArray(sums, 11 * LANES);
        c0l.intoArray(sums, 12 * LANES);
        c0h.intoArray(sums, 13 * LANES);
        c1l.intoArray(sums, 14 * LANES);
        c1h.intoArray(sums, 15 * LANES);
        c2l.intoArray(sums, 16 * LANES);
        c2h.intoArray(sums, 17 * LANES);
    }

    @Override
    public void four(float[] sums, float[] x, int from, int in, int count, long w0, long w1) {
        FloatVector a0l = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a0h = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a1l = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a1h = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector b0l = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector b0h = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b1l = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b1h = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector c0l = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector c0h = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector c1l = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector c1h = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        FloatVector d0l = FloatVector.fromArray(FLOATS, sums, 12 * LANES);
        FloatVector d0h = FloatVector.fromArray(FLOATS, sums, 13 * LANES);
        FloatVector d1l = FloatVector.fromArray(FLOATS, sums, 14 * LANES);
        FloatVector d1h = FloatVector.fromArray(FLOATS, sums, 15 * LANES);
        FloatVector s0l = scaleLow(w0), s0h = scaleHigh(w0);
        FloatVector s1l = scaleLow(w1), s1h = scaleHigh(w1);
        for (int i = 0; i < count; i++) {
            long k = (long) STEP * i;
            FloatVector v0l = low(w0 + k, s0l), v0h = high(w0 + k, s0h);
            FloatVector v1l = low(w1 + k, s1l), v1h = high(w1 + k, s1h);
            FloatVector p = FloatVector.broadcast(FLOATS, x[from + i]);
            a0l = v0l.fma(p, a0l);
            a0h = v0h.fma(p, a0h);
            a1l = v1l.fma(p, a1l);
            a1h = v1h.fma(p, a1h);
            p = FloatVector.broadcast(FLOATS, x[from + in + i]);
            b0l = v0l.fma(p, b0l);
            b0h = v0h.fma(p, b0h);
            b1l = v1l.fma(p, b1l);
            b1h = v1h.fma(p, b1h);
            p = FloatVector.broadcast(FLOATS, x[from + 2 * in + i]);
            c0l = v0l.fma(p, c0l);
            c0h = v0h.fma(p, c0h);
            c1l = v1l.fma(p, c1l);
            c1h = v1h.fma(p, c1h);
            p = FloatVector.broadcast(FLOATS, x[from + 3 * in + i]);
            d0l = v0l.fma(p, d0l);
            d0h = v0h.fma(p, d0h);
            d1l = v1l.fma(p, d1l);
            d1h = v1h.fma(p, d1h);
        }
        a0l.intoArray(sums, 0);
        a0h.intoArray(sums, LANES);
        a1l.intoArray(sums, 2 * LANES);
        a1h.intoArray(sums, 3 * LANES);
        b0l.intoArray(sums, 4 * LANES);
        b0h.intoArray(sums, 5 * LANES);
        b1l.intoArray(sums, 6 * LANES);
        b1h.intoArray(sums, 7 * LANES);
        c0l.intoArray(sums, 8 * LANES);
        c0h.intoArray(sums, 9 * LANES);
        c1l.intoArray(sums, 10 * LANES);
        c1h.intoArray(sums, 11 * LANES);
        d0l.intoArray(sums, 12 * LANES);
        d0h.intoArray(sums, 13 * LANES);
        d1l.intoArray(sums, 14 * LANES);
        d1h.intoArray(sums, 15 * LANES);
    }

    @Override
    public void five(float[] sums, float[] x, int from, int in, int count, long w0, long w1) {
        FloatVector a0l = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a0h = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a1l = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a1h = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector b0l = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector b0h = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b1l = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b1h = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector c0l = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector c0h = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector c1l = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector c1h = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        FloatVector d0l = FloatVector.fromArray(FLOATS, sums, 12 * LANES);
        FloatVector d0h = FloatVector.fromArray(FLOATS, sums, 13 * LANES);
        FloatVector d1l = FloatVector.fromArray(FLOATS, sums, 14 * LANES);
        FloatVector d1h = FloatVector.fromArray(FLOATS, sums, 15 * LANES);
        FloatVector e0l = FloatVector.fromArray(FLOATS, sums, 16 * LANES);
        FloatVector e0h = FloatVector.fromArray(FLOATS, sums, 17 * LANES);
        FloatVector e1l = FloatVector.fromArray(FLOATS, sums, 18 * LANES);
        FloatVector e1h = FloatVector.fromArray(FLOATS, sums, 19 * LANES);
        FloatVector s0l = scaleLow(w0), s0h = scaleHigh(w0);
        FloatVector s1l = scaleLow(w1), s1h = scaleHigh(w1);
        for (int i = 0; i < count; i++) {
            long k = (long) STEP * i;
            FloatVector v0l = low(w0 + k, s0l), v0h = high(w0 + k, s0h);
            FloatVector v1l = low(w1 + k, s1l), v1h = high(w1 + k, s1h);
            FloatVector p = FloatVector.broadcast(FLOATS, x[from + i]);
            a0l = v0l.fma(p, a0l);
            a0h = v0h.fma(p, a0h);
            a1l = v1l.fma(p, a1l);
            a1h = v1h.fma(p, a1h);
            p = FloatVector.broadcast(FLOATS, x[from + in + i]);
            b0l = v0l.fma(p, b0l);
            b0h = v0h.fma(p, b0h);
            b1l = v1l.fma(p, b1l);
            b1h = v1h.fma(p, b1h);
            p = FloatVector.broadcast(FLOATS, x[from + 2 * in + i]);
            c0l = v0l.fma(p, c0l);
            c0h = v0h.fma(p, c0h);
            c1l = v1l.fma(p, c1l);
            c1h = v1h.fma(p, c1h);
            p = FloatVector.broadcast(FLOATS, x[from + 3 * in + i]);
            d0l = v0l.fma(p, d0l);
            d0h = v0h.fma(p, d0h);
            d1l = v1l.fma(p, d1l);
            d1h = v1h.fma(p, d1h);
            p = FloatVector.broadcast(FLOATS, x[from + 4 * in + i]);
            e0l = v0l.fma(p, e0l);
            e0h = v0h.fma(p, e0h);
            e1l = v1l.fma(p, e1l);
            e1h = v1h.fma(p, e1h);
        }
        a0l.intoArray(sums, 0);
        a0h.intoArray(sums, LANES);
        a1l.intoArray(sums, 2 * LANES);
        a1h.intoArray(sums, 3 * LANES);
        b0l.intoArray(sums, 4 * LANES);
        b0h.intoArray(sums, 5 * LANES);
        b1l.intoArray(sums, 6 * LANES);
        b1h.intoArray(sums, 7 * LANES);
        c0l.intoArray(sums, 8 * LANES);
        c0h.intoArray(sums, 9 * LANES);
        c1l.intoArray(sums, 10 * LANES);
        c1h.intoArray(sums, 11 * LANES);
        d0l.intoArray(sums, 12 * LANES);
        d0h.intoArray(sums, 13 * LANES);
        d1l.intoArray(sums, 14 * LANES);
        d1h.intoArray(sums, 15 * LANES);
        e0l.intoArray(sums, 16 * LANES);
        e0h.intoArray(sums, 17 * LANES);
        e1l.intoArray(sums, 18 * LANES);
        e1h.intoArray(sums, 19 * LANES);
    }

    @Override
    public void six(float[] sums, float[] x, int from, int in, int count, long w0, long w1) {
        FloatVector a0l = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a0h = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a1l = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a1h = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector b0l = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector b0h = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b1l = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b1h = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector c0l = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector c0h = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector c1l = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector c1h = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        FloatVector d0l = FloatVector.fromArray(FLOATS, sums, 12 * LANES);
        FloatVector d0h = FloatVector.fromArray(FLOATS, sums, 13 * LANES);
        FloatVector d1l = FloatVector.fromArray(FLOATS, sums, 14 * LANES);
        FloatVector d1h = FloatVector.fromArray(FLOATS, sums, 15 * LANES);
        FloatVector e0l = FloatVector.fromArray(FLOATS, sums, 16 * LANES);
        FloatVector e0h = FloatVector.fromArray(FLOATS, sums, 17 * LANES);
        FloatVector e1l = FloatVector.fromArray(FLOATS, sums, 18 * LANES);
        FloatVector e1h = FloatVector.fromArray(FLOATS, sums, 19 * LANES);
        FloatVector f0l = FloatVector.fromArray(FLOATS, sums, 20 * LANES);
        FloatVector f0h = FloatVector.fromArray(FLOATS, sums, 21 * LANES);
        FloatVector f1l = FloatVector.fromArray(FLOATS, sums, 22 * LANES);
        FloatVector f1h = FloatVector.fromArray(FLOATS, sums, 23 * LANES);
        FloatVector s0l = scaleLow(w0), s0h = scaleHigh(w0);
        FloatVector s1l = scaleLow(w1), s1h = scaleHigh(w1);
        for (int i = 0; i < count; i++) {
            long k = (long) STEP * i;
            FloatVector v0l = low(w0 + k, s0l), v0h = high(w0 + k, s0h);
            FloatVector v1l = low(w1 + k, s1l), v1h = high(w1 + k, s1h);
            FloatVector p = FloatVector.broadcast(FLOATS, x[from + i]);
            a0l = v0l.fma(p, a0l);
            a0h = v0h.fma(p, a0h);
            a1l = v1l.fma(p, a1l);
            a1h = v1h.fma(p, a1h);
            p = FloatVector.broadcast(FLOATS, x[from + in + i]);
            b0l = v0l.fma(p, b0l);
            b0h = v0h.fma(p, b0h);
            b1l = v1l.fma(p, b1l);
            b1h = v1h.fma(p, b1h);
            p = FloatVector.broadcast(FLOATS, x[from + 2 * in + i]);
            c0l = v0l.fma(p, c0l);
            c0h = v0h.fma(p, c0h);
            c1l = v1l.fma(p, c1l);
            c1h = v1h.fma(p, c1h);
            p = FloatVector.broadcast(FLOATS, x[from + 3 * in + i]);
            d0l = v0l.fma(p, d0l);
            d0h = v0h.fma(p, d0h);
            d1l = v1l.fma(p, d1l);
            d1h = v1h.fma(p, d1h);
            p = FloatVector.broadcast(FLOATS, x[from + 4 * in + i]);
            e0l = v0l.fma(p, e0l);
            e0h = v0h.fma(p, e0h);
            e1l = v1l.fma(p, e1l);
            e1h = v1h.fma(p, e1h);
            p = FloatVector.broadcast(FLOATS, x[from + 5 * in + i]);
            f0l = v0l.fma(p, f0l);
            f0h = v0h.fma(p, f0h);
            f1l = v1l.fma(p, f1l);
            f1h = v1h.fma(p, f1h);
        }
        a0l.intoArray(sums, 0);
        a0h.intoArray(sums, LANES);
        a1l.intoArray(sums, 2 * LANES);
        a1h.intoArray(sums, 3 * LANES);
        b0l.intoArray(sums, 4 * LANES);
        b0h.intoArray(sums, 5 * LANES);
        b1l.intoArray(sums, 6 * LANES);
        b1h.intoArray(sums, 7 * LANES);
        c0l.intoArray(sums, 8 * LANES);
        c0h.intoArray(sums, 9 * LANES);
        c1l.intoArray(sums, 10 * LANES);
        c1h.intoArray(sums, 11 * LANES);
        d0l.intoArray(sums, 12 * LANES);
        d0h.intoArray(sums, 13 * LANES);
        d1l.intoArray(sums, 14 * LANES);
        d1h.intoArray(sums, 15 * LANES);
        e0l.intoArray(sums, 16 * LANES);
        e0h.intoArray(sums, 17 * LANES);
        e1l.intoArray(sums, 18 * LANES);
        e1h.intoArray(sums, 19 * LANES);
        f0l.intoArray(sums, 20 * LANES);
        f0h.intoArray(sums, 21 * LANES);
        f1l.intoArray(sums, 22 * LANES);
        f1h.intoArray(sums, 23 * LANES);
    }
}
