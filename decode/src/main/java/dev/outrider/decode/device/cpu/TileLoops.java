package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.checkpoints.DType;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;

/**
 * The inner loops of {@link TileProduct} for every machine, defined once for every type of weights as {@link SkinnyLoops}
 * is: rows of x against four vectors of outputs, of as many tiles as that takes, beginning with what is in sums [rows, 4, LANES].
 * Of accumulator {@code c2} c is the row of x, 2 the vector.
 *
 * <p>Long, because the number of rows must be a constant to the compiler: in a loop over them accumulators would be
 * objects. x comes from an array, which the loops read without checks that could fail: those keep every accumulator in
 * memory.
 */
final class TileLoops implements TileProduct.Loops {
    private static final DType TYPE = SkinnyLoops.type(MethodHandles.lookup());
    private static final boolean I8 = TYPE == DType.I8, BF16 = TYPE == DType.BF16;

    /** Inputs of a line. */
    private static final int INPUTS = I8 ? 4 : BF16 ? 2 : 1;

    TileLoops() {}

    /** The loops for weights of a type: F32, BF16 or I8. */
    static TileProduct.Loops of(DType type) {
        return SkinnyLoops.defined(TileLoops.class, TileProduct.Loops.class, type);
    }

    /** Of input k of a line. */
    private static FloatVector weights(long line, int k) {
        if (I8) return Tiles.bytes(line, k);
        return BF16 ? pair(line, k) : Lanes.load(line);
    }

    private static FloatVector pair(long line, int k) {
        return k == 0 ? Tiles.bf16Even(line) : Tiles.bf16Odd(line);
    }

    @Override
    public void one(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a1 = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a2 = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a3 = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        for (int i = 0; i < lines; i++) {
            long at = (long) Tiles.LINE * i;
            // The last first, as the CPUs' products of pairs add them.
            for (int k = INPUTS - 1; k >= 0; k--) {
                FloatVector v0 = weights(w0 + at, k), v1 = weights(w1 + at, k);
                FloatVector v2 = weights(w2 + at, k), v3 = weights(w3 + at, k);
                int j = from + INPUTS * i + k;
                FloatVector p = FloatVector.broadcast(FLOATS, x[j]);
                a0 = v0.fma(p, a0);
                a1 = v1.fma(p, a1);
                a2 = v2.fma(p, a2);
                a3 = v3.fma(p, a3);
            }
        }
        a0.intoArray(sums, 0);
        a1.intoArray(sums, LANES);
        a2.intoArray(sums, 2 * LANES);
        a3.intoArray(sums, 3 * LANES);
    }

    @Override
    public void two(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a1 = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a2 = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a3 = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector b0 = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        for (int i = 0; i < lines; i++) {
            long at = (long) Tiles.LINE * i;
            // The last first, as the CPUs' products of pairs add them.
            for (int k = INPUTS - 1; k >= 0; k--) {
                FloatVector v0 = weights(w0 + at, k), v1 = weights(w1 + at, k);
                FloatVector v2 = weights(w2 + at, k), v3 = weights(w3 + at, k);
                int j = from + INPUTS * i + k;
                FloatVector p = FloatVector.broadcast(FLOATS, x[j]);
                a0 = v0.fma(p, a0);
                a1 = v1.fma(p, a1);
                a2 = v2.fma(p, a2);
                a3 = v3.fma(p, a3);
                p = FloatVector.broadcast(FLOATS, x[in + j]);
                b0 = v0.fma(p, b0);
                b1 = v1.fma(p, b1);
                b2 = v2.fma(p, b2);
                b3 = v3.fma(p, b3);
            }
        }
        a0.intoArray(sums, 0);
        a1.intoArray(sums, LANES);
        a2.intoArray(sums, 2 * LANES);
        a3.intoArray(sums, 3 * LANES);
        b0.intoArray(sums, 4 * LANES);
        b1.intoArray(sums, 5 * LANES);
        b2.intoArray(sums, 6 * LANES);
        b3.intoArray(sums, 7 * LANES);
    }

    @Override
    public void three(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a1 = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a2 = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a3 = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector b0 = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector c0 = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector c1 = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector c2 = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector c3 = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        for (int i = 0; i < lines; i++) {
            long at = (long) Tiles.LINE * i;
            // The last first, as the CPUs' products of pairs add them.
            for (int k = INPUTS - 1; k >= 0; k--) {
                FloatVector v0 = weights(w0 + at, k), v1 = weights(w1 + at, k);
                FloatVector v2 = weights(w2 + at, k), v3 = weights(w3 + at, k);
                int j = from + INPUTS * i + k;
                FloatVector p = FloatVector.broadcast(FLOATS, x[j]);
                a0 = v0.fma(p, a0);
                a1 = v1.fma(p, a1);
                a2 = v2.fma(p, a2);
                a3 = v3.fma(p, a3);
                p = FloatVector.broadcast(FLOATS, x[in + j]);
                b0 = v0.fma(p, b0);
                b1 = v1.fma(p, b1);
                b2 = v2.fma(p, b2);
                b3 = v3.fma(p, b3);
                p = FloatVector.broadcast(FLOATS, x[2 * in + j]);
                c0 = v0.fma(p, c0);
                c1 = v1.fma(p, c1);
                c2 = v2.fma(p, c2);
                c3 = v3.fma(p, c3);
            }
        }
        a0.intoArray(sums, 0);
        a1.intoArray(sums, LANES);
        a2.intoArray(sums, 2 * LANES);
        a3.intoArray(sums, 3 * LANES);
        b0.intoArray(sums, 4 * LANES);
        b1.intoArray(sums, 5 * LANES);
        b2.intoArray(sums, 6 * LANES);
        b3.intoArray(sums, 7 * LANES);
        c0.intoArray(sums, 8 * LANES);
        c1.intoArray(sums, 9 * LANES);
        c2.intoArray(sums, 10 * LANES);
        c3.intoArray(sums, 11 * LANES);
    }

    @Override
    public void four(float[] sums, float[] x, int from, int in, int lines, long w0, long w1, long w2, long w3) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, sums, 0);
        FloatVector a1 = FloatVector.fromArray(FLOATS, sums, LANES);
        FloatVector a2 = FloatVector.fromArray(FLOATS, sums, 2 * LANES);
        FloatVector a3 = FloatVector.fromArray(FLOATS, sums, 3 * LANES);
        FloatVector b0 = FloatVector.fromArray(FLOATS, sums, 4 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, sums, 5 * LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, sums, 6 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, sums, 7 * LANES);
        FloatVector c0 = FloatVector.fromArray(FLOATS, sums, 8 * LANES);
        FloatVector c1 = FloatVector.fromArray(FLOATS, sums, 9 * LANES);
        FloatVector c2 = FloatVector.fromArray(FLOATS, sums, 10 * LANES);
        FloatVector c3 = FloatVector.fromArray(FLOATS, sums, 11 * LANES);
        FloatVector d0 = FloatVector.fromArray(FLOATS, sums, 12 * LANES);
        FloatVector d1 = FloatVector.fromArray(FLOATS, sums, 13 * LANES);
        FloatVector d2 = FloatVector.fromArray(FLOATS, sums, 14 * LANES);
        FloatVector d3 = FloatVector.fromArray(FLOATS, sums, 15 * LANES);
        for (int i = 0; i < lines; i++) {
            long at = (long) Tiles.LINE * i;
            // The last first, as the CPUs' products of pairs add them.
            for (int k = INPUTS - 1; k >= 0; k--) {
                FloatVector v0 = weights(w0 + at, k), v1 = weights(w1 + at, k);
                FloatVector v2 = weights(w2 + at, k), v3 = weights(w3 + at, k);
                int j = from + INPUTS * i + k;
                FloatVector p = FloatVector.broadcast(FLOATS, x[j]);
                a0 = v0.fma(p, a0);
                a1 = v1.fma(p, a1);
                a2 = v2.fma(p, a2);
                a3 = v3.fma(p, a3);
                p = FloatVector.broadcast(FLOATS, x[in + j]);
                b0 = v0.fma(p, b0);
                b1 = v1.fma(p, b1);
                b2 = v2.fma(p, b2);
                b3 = v3.fma(p, b3);
                p = FloatVector.broadcast(FLOATS, x[2 * in + j]);
                c0 = v0.fma(p, c0);
                c1 = v1.fma(p, c1);
                c2 = v2.fma(p, c2);
                c3 = v3.fma(p, c3);
                p = FloatVector.broadcast(FLOATS, x[3 * in + j]);
                d0 = v0.fma(p, d0);
                d1 = v1.fma(p, d1);
                d2 = v2.fma(p, d2);
                d3 = v3.fma(p, d3);
            }
        }
        a0.intoArray(sums, 0);
        a1.intoArray(sums, LANES);
        a2.intoArray(sums, 2 * LANES);
        a3.intoArray(sums, 3 * LANES);
        b0.intoArray(sums, 4 * LANES);
        b1.intoArray(sums, 5 * LANES);
        b2.intoArray(sums, 6 * LANES);
        b3.intoArray(sums, 7 * LANES);
        c0.intoArray(sums, 8 * LANES);
        c1.intoArray(sums, 9 * LANES);
        c2.intoArray(sums, 10 * LANES);
        c3.intoArray(sums, 11 * LANES);
        d0.intoArray(sums, 12 * LANES);
        d1.intoArray(sums, 13 * LANES);
        d2.intoArray(sums, 14 * LANES);
        d3.intoArray(sums, 15 * LANES);
    }
}
