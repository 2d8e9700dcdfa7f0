package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;
import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.checkpoints.DType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * The inner loops of {@link SkinnyProduct}. The class is defined once for every type of weights, as a hidden
 * class whose data is the type: so the type is a constant to the compiler, and one source serves them all.
 * (As a field or argument it would be looked at in every step, and vectors would become objects.)
 *
 * <p>Four outputs at a time, because so many places of memory are then read at once; two reach half the
 * rate. Vectors of x are loaded and accumulators stored by the vectors' own methods: those the compiler
 * inlines however much it has inlined before, a method of ours it would call in the end, with objects.
 *
 * <p>Lane l adds the products at l, l + LANES, l + 2·LANES, … as floats, whatever the type: a matrix gives
 * the same bits as the same values held in float32.
 */
final class SkinnyLoops extends SkinnyTile {
    private static final boolean BF16 = type(MethodHandles.lookup()) == DType.BF16;
    private static final boolean F16 = type(MethodHandles.lookup()) == DType.F16;
    private static final boolean HALF = BF16 || F16;

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    SkinnyLoops() {}

    /** The loops for weights of a type: F32, BF16 or F16. */
    static SkinnyTile of(DType type) {
        return defined(SkinnyLoops.class, SkinnyTile.class, type);
    }

    /** The class once more, hidden, with a type of weights as its constant; one of it. */
    static <T> T defined(Class<? extends T> loops, Class<T> as, DType type) {
        try (InputStream source = loops.getResourceAsStream(loops.getSimpleName() + ".class")) {
            MethodHandles.Lookup defined =
                    MethodHandles.lookup().defineHiddenClassWithClassData(source.readAllBytes(), type, true);
            return as.cast(defined.lookupClass().getDeclaredConstructor().newInstance());
        } catch (IOException | ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** The type that a class was defined with; null for the plain class. */
    static DType type(MethodHandles.Lookup loops) {
        try {
            return MethodHandles.classData(loops, ConstantDescs.DEFAULT_NAME, DType.class);
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }

    /** LANES weights of a row from element i on. */
    private static FloatVector weights(long row, int i) {
        return HALF ? half(row + 2L * i) : Lanes.load(row + 4L * i);
    }

    // By itself: a method of more than 35 bytes is not inlined wherever it is called, and then vectors are objects.
    private static FloatVector half(long at) {
        return BF16 ? Lanes.loadBf16(at) : Lanes.loadF16(at);
    }

    @Override
    float weight(long row, int i) {
        if (F16) return Lanes.getF16(row + 2L * i);
        return BF16 ? Lanes.getBf16(row + 2L * i) : Lanes.get(row + 4L * i);
    }

    @Override
    void one(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.zero(FLOATS), b0 = a0, c0 = a0, d0 = a0;
        for (int i = 0, end = Lanes.whole(in); i < end; i += LANES) {
            FloatVector k = weights(w0, i), l = weights(w1, i);
            FloatVector m = weights(w2, i), n = weights(w3, i);
            long at = x + 4L * i;
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
            a0 = k.fma(v, a0);
            b0 = l.fma(v, b0);
            c0 = m.fma(v, c0);
            d0 = n.fma(v, d0);
        }
        a0.intoArray(sums, to);
        b0.intoArray(sums, to + LANES);
        c0.intoArray(sums, to + 2 * LANES);
        d0.intoArray(sums, to + 3 * LANES);
    }

    @Override
    void two(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.zero(FLOATS), b0 = a0, c0 = a0, d0 = a0;
        FloatVector a1 = a0, b1 = a0, c1 = a0, d1 = a0;
        long row = 4L * in;
        for (int i = 0, end = Lanes.whole(in); i < end; i += LANES) {
            FloatVector k = weights(w0, i), l = weights(w1, i);
            FloatVector m = weights(w2, i), n = weights(w3, i);
            long at = x + 4L * i;
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
            a0 = k.fma(v, a0);
            b0 = l.fma(v, b0);
            c0 = m.fma(v, c0);
            d0 = n.fma(v, d0);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + row, ORDER);
            a1 = k.fma(v, a1);
            b1 = l.fma(v, b1);
            c1 = m.fma(v, c1);
            d1 = n.fma(v, d1);
        }
        a0.intoArray(sums, to);
        b0.intoArray(sums, to + LANES);
        c0.intoArray(sums, to + 2 * LANES);
        d0.intoArray(sums, to + 3 * LANES);
        a1.intoArray(sums, to + 4 * LANES);
        b1.intoArray(sums, to + 5 * LANES);
        c1.intoArray(sums, to + 6 * LANES);
        d1.intoArray(sums, to + 7 * LANES);
    }

    @Override
    void three(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.zero(FLOATS), b0 = a0, c0 = a0, d0 = a0;
        FloatVector a1 = a0, b1 = a0, c1 = a0, d1 = a0;
        FloatVector a2 = a0, b2 = a0, c2 = a0, d2 = a0;
        long row = 4L * in;
        for (int i = 0, end = Lanes.whole(in); i < end; i += LANES) {
            FloatVector k = weights(w0, i), l = weights(w1, i);
            FloatVector m = weights(w2, i), n = weights(w3, i);
            long at = x + 4L * i;
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
            a0 = k.fma(v, a0);
            b0 = l.fma(v, b0);
            c0 = m.fma(v, c0);
            d0 = n.fma(v, d0);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + row, ORDER);
            a1 = k.fma(v, a1);
            b1 = l.fma(v, b1);
            c1 = m.fma(v, c1);
            d1 = n.fma(v, d1);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 2 * row, ORDER);
            a2 = k.fma(v, a2);
            b2 = l.fma(v, b2);
            c2 = m.fma(v, c2);
            d2 = n.fma(v, d2);
        }
        a0.intoArray(sums, to);
        b0.intoArray(sums, to + LANES);
        c0.intoArray(sums, to + 2 * LANES);
        d0.intoArray(sums, to + 3 * LANES);
        a1.intoArray(sums, to + 4 * LANES);
        b1.intoArray(sums, to + 5 * LANES);
        c1.intoArray(sums, to + 6 * LANES);
        d1.intoArray(sums, to + 7 * LANES);
        a2.intoArray(sums, to + 8 * LANES);
        b2.intoArray(sums, to + 9 * LANES);
        c2.intoArray(sums, to + 10 * LANES);
        d2.intoArray(sums, to + 11 * LANES);
    }

    @Override
    void four(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.zero(FLOATS), b0 = a0, c0 = a0, d0 = a0;
        FloatVector a1 = a0, b1 = a0, c1 = a0, d1 = a0;
        FloatVector a2 = a0, b2 = a0, c2 = a0, d2 = a0;
        FloatVector a3 = a0, b3 = a0, c3 = a0, d3 = a0;
        long row = 4L * in;
        for (int i = 0, end = Lanes.whole(in); i < end; i += LANES) {
            FloatVector k = weights(w0, i), l = weights(w1, i);
            FloatVector m = weights(w2, i), n = weights(w3, i);
            long at = x + 4L * i;
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
            a0 = k.fma(v, a0);
            b0 = l.fma(v, b0);
            c0 = m.fma(v, c0);
            d0 = n.fma(v, d0);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + row, ORDER);
            a1 = k.fma(v, a1);
            b1 = l.fma(v, b1);
            c1 = m.fma(v, c1);
            d1 = n.fma(v, d1);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 2 * row, ORDER);
            a2 = k.fma(v, a2);
            b2 = l.fma(v, b2);
            c2 = m.fma(v, c2);
            d2 = n.fma(v, d2);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 3 * row, ORDER);
            a3 = k.fma(v, a3);
            b3 = l.fma(v, b3);
            c3 = m.fma(v, c3);
            d3 = n.fma(v, d3);
        }
        a0.intoArray(sums, to);
        b0.intoArray(sums, to + LANES);
        c0.intoArray(sums, to + 2 * LANES);
        d0.intoArray(sums, to + 3 * LANES);
        a1.intoArray(sums, to + 4 * LANES);
        b1.intoArray(sums, to + 5 * LANES);
        c1.intoArray(sums, to + 6 * LANES);
        d1.intoArray(sums, to + 7 * LANES);
        a2.intoArray(sums, to + 8 * LANES);
        b2.intoArray(sums, to + 9 * LANES);
        c2.intoArray(sums, to + 10 * LANES);
        d2.intoArray(sums, to + 11 * LANES);
        a3.intoArray(sums, to + 12 * LANES);
        b3.intoArray(sums, to + 13 * LANES);
        c3.intoArray(sums, to + 14 * LANES);
        d3.intoArray(sums, to + 15 * LANES);
    }

    @Override
    void five(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.zero(FLOATS), b0 = a0, c0 = a0, d0 = a0;
        FloatVector a1 = a0, b1 = a0, c1 = a0, d1 = a0;
        FloatVector a2 = a0, b2 = a0, c2 = a0, d2 = a0;
        FloatVector a3 = a0, b3 = a0, c3 = a0, d3 = a0;
        FloatVector a4 = a0, b4 = a0, c4 = a0, d4 = a0;
        long row = 4L * in;
        for (int i = 0, end = Lanes.whole(in); i < end; i += LANES) {
            FloatVector k = weights(w0, i), l = weights(w1, i);
            FloatVector m = weights(w2, i), n = weights(w3, i);
            long at = x + 4L * i;
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
            a0 = k.fma(v, a0);
            b0 = l.fma(v, b0);
            c0 = m.fma(v, c0);
            d0 = n.fma(v, d0);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + row, ORDER);
            a1 = k.fma(v, a1);
            b1 = l.fma(v, b1);
            c1 = m.fma(v, c1);
            d1 = n.fma(v, d1);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 2 * row, ORDER);
            a2 = k.fma(v, a2);
            b2 = l.fma(v, b2);
            c2 = m.fma(v, c2);
            d2 = n.fma(v, d2);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 3 * row, ORDER);
            a3 = k.fma(v, a3);
            b3 = l.fma(v, b3);
            c3 = m.fma(v, c3);
            d3 = n.fma(v, d3);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 4 * row, ORDER);
            a4 = k.fma(v, a4);
            b4 = l.fma(v, b4);
            c4 = m.fma(v, c4);
            d4 = n.fma(v, d4);
        }
        a0.intoArray(sums, to);
        b0.intoArray(sums, to + LANES);
        c0.intoArray(sums, to + 2 * LANES);
        d0.intoArray(sums, to + 3 * LANES);
        a1.intoArray(sums, to + 4 * LANES);
        b1.intoArray(sums, to + 5 * LANES);
        c1.intoArray(sums, to + 6 * LANES);
        d1.intoArray(sums, to + 7 * LANES);
        a2.intoArray(sums, to + 8 * LANES);
        b2.intoArray(sums, to + 9 * LANES);
        c2.intoArray(sums, to + 10 * LANES);
        d2.intoArray(sums, to + 11 * LANES);
        a3.intoArray(sums, to + 12 * LANES);
        b3.intoArray(sums, to + 13 * LANES);
        c3.intoArray(sums, to + 14 * LANES);
        d3.intoArray(sums, to + 15 * LANES);
        a4.intoArray(sums, to + 16 * LANES);
        b4.intoArray(sums, to + 17 * LANES);
        c4.intoArray(sums, to + 18 * LANES);
        d4.intoArray(sums, to + 19 * LANES);
    }

    @Override
    void six(float[] sums, int to, int in, long x, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.zero(FLOATS), b0 = a0, c0 = a0, d0 = a0;
        FloatVector a1 = a0, b1 = a0, c1 = a0, d1 = a0;
        FloatVector a2 = a0, b2 = a0, c2 = a0, d2 = a0;
        FloatVector a3 = a0, b3 = a0, c3 = a0, d3 = a0;
        FloatVector a4 = a0, b4 = a0, c4 = a0, d4 = a0;
        FloatVector a5 = a0, b5 = a0, c5 = a0, d5 = a0;
        long row = 4L * in;
        for (int i = 0, end = Lanes.whole(in); i < end; i += LANES) {
            FloatVector k = weights(w0, i), l = weights(w1, i);
            FloatVector m = weights(w2, i), n = weights(w3, i);
            long at = x + 4L * i;
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
            a0 = k.fma(v, a0);
            b0 = l.fma(v, b0);
            c0 = m.fma(v, c0);
            d0 = n.fma(v, d0);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + row, ORDER);
            a1 = k.fma(v, a1);
            b1 = l.fma(v, b1);
            c1 = m.fma(v, c1);
            d1 = n.fma(v, d1);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 2 * row, ORDER);
            a2 = k.fma(v, a2);
            b2 = l.fma(v, b2);
            c2 = m.fma(v, c2);
            d2 = n.fma(v, d2);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 3 * row, ORDER);
            a3 = k.fma(v, a3);
            b3 = l.fma(v, b3);
            c3 = m.fma(v, c3);
            d3 = n.fma(v, d3);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 4 * row, ORDER);
            a4 = k.fma(v, a4);
            b4 = l.fma(v, b4);
            c4 = m.fma(v, c4);
            d4 = n.fma(v, d4);
            v = FloatVector.fromMemorySegment(FLOATS, ALL, at + 5 * row, ORDER);
            a5 = k.fma(v, a5);
            b5 = l.fma(v, b5);
            c5 = m.fma(v, c5);
            d5 = n.fma(v, d5);
        }
        a0.intoArray(sums, to);
        b0.intoArray(sums, to + LANES);
        c0.intoArray(sums, to + 2 * LANES);
        d0.intoArray(sums, to + 3 * LANES);
        a1.intoArray(sums, to + 4 * LANES);
        b1.intoArray(sums, to + 5 * LANES);
        c1.intoArray(sums, to + 6 * LANES);
        d1.intoArray(sums, to + 7 * LANES);
        a2.intoArray(sums, to + 8 * LANES);
        b2.intoArray(sums, to + 9 * LANES);
        c2.intoArray(sums, to + 10 * LANES);
        d2.intoArray(sums, to + 11 * LANES);
        a3.intoArray(sums, to + 12 * LANES);
        b3.intoArray(sums, to + 13 * LANES);
        c3.intoArray(sums, to + 14 * LANES);
        d3.intoArray(sums, to + 15 * LANES);
        a4.intoArray(sums, to + 16 * LANES);
        b4.intoArray(sums, to + 17 * LANES);
        c4.intoArray(sums, to + 18 * LANES);
        d4.intoArray(sums, to + 19 * LANES);
        a5.intoArray(sums, to + 20 * LANES);
        b5.intoArray(sums, to + 21 * LANES);
        c5.intoArray(sums, to + 22 * LANES);
        d5.intoArray(sums, to + 23 * LANES);
    }
}
