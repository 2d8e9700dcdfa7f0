package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;
import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The rows of x as {@link TileProduct} multiplies them: in the type of the weights, as the CPU's own products want it. F32
 * as they are; BF16 rounded to the nearest; for I8 groups of bytes under a scale in F32, d = max|x| / 127, q = x / d rounded to
 * the nearest, and for each the sum that a group of products begins with, since weights lie there with {@link Tiles#ZERO} added:
 * -128 · Σq.
 */
final class TileRows implements AutoCloseable {
    private static final int GROUP = Buffer.GROUP, MOST = 127;

    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));
    private static final FloatVector ROUND = Lanes.all(12582912f);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final Scratch values, scales, corrections;
    private DType type;
    private long from;
    private int in;

    TileRows(Memory memory) {
        values = new Scratch(memory);
        scales = new Scratch(memory);
        corrections = new Scratch(memory);
    }

    /** Takes rows [rows, in] of floats, by all threads where they are many. */
    void take(Threads threads, DType type, long x, int rows, int in) {
        this.type = type;
        this.from = x;
        this.in = in;
        if (type == DType.F32) return;
        values.floats(((long) rows * in * type.bytes + 3) / 4);
        scales.floats((long) rows * in / GROUP);
        corrections.floats((long) rows * in / GROUP);
        if (threads.alone((long) rows * in)) narrow(0, rows);
        else threads.split(rows, this::narrow);
    }

    private void narrow(int first, int end) {
        for (int r = first; r < end; r++) {
            if (type == DType.BF16) MixedGemm.narrowRow(row(r), from + 4L * r * in, in);
            else quantiseRow(row(r), scale(r, 0), correction(r, 0), from + 4L * r * in, in);
        }
    }

    /** Where row r begins. */
    long row(int r) {
        return (type == DType.F32 ? from : values.address()) + (long) r * in * type.bytes;
    }

    /** Where the scale of a group is. */
    long scale(int r, int group) {
        return scales.address() + 4L * ((long) r * (in / GROUP) + group);
    }

    /** Where the sum is that a group's products begin with, an int. */
    long correction(int r, int group) {
        return corrections.address() + 4L * ((long) r * (in / GROUP) + group);
    }

    /** An element as it is multiplied, of I8 without its scale. */
    float element(int r, int i) {
        long at = row(r) + (long) i * type.bytes;
        return switch (type) {
            case F32 -> Lanes.get(at);
            case BF16 -> Lanes.getBf16(at);
            default -> ALL.get(ValueLayout.JAVA_BYTE, at);
        };
    }

    /** Row r as the floats that it stands for. */
    void widen(long to, int r) {
        for (int i = 0; i < in; i++) {
            Lanes.set(to + 4L * i, element(r, i) * (type == DType.I8 ? Lanes.get(scale(r, i / GROUP)) : 1));
        }
    }

    private static void quantiseRow(long to, long scales, long corrections, long from, int in) {
        for (int g = 0; g < in / GROUP; g++) {
            long group = from + 4L * GROUP * g;
            float d = largest(group) / MOST, inverse = d == 0 ? 0 : 1 / d;
            int sum = LANES < 8 ? roundAll(to + GROUP * g, group, inverse) : round(to + GROUP * g, group, inverse);
            Lanes.set(scales + 4L * g, d);
            ALL.set(INT, corrections + 4L * g, -Tiles.ZERO * sum);
        }
    }

    private static float largest(long group) {
        FloatVector most = Lanes.load(group).abs();
        for (int i = LANES; i < GROUP; i += LANES)
            most = most.max(Lanes.load(group + 4L * i).abs());
        return most.reduceLanes(VectorOperators.MAX);
    }

    private static int round(long to, long group, float inverse) {
        IntVector sum = IntVector.zero(INTS);
        for (int i = 0; i < GROUP; i += LANES) {
            FloatVector shifted = Lanes.load(group + 4L * i).mul(inverse).add(ROUND);
            IntVector q = shifted.reinterpretAsInts().sub(ROUND.reinterpretAsInts());
            ((ByteVector) q.convertShape(VectorOperators.I2B, BYTES, 0))
                    .intoMemorySegment(ALL, to + i, ByteOrder.nativeOrder());
            sum = sum.add(q);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    private static int roundAll(long to, long group, float inverse) {
        int sum = 0;
        for (int i = 0; i < GROUP; i++) {
            int q = (int) Math.rint(Lanes.get(group + 4L * i) * inverse);
            ALL.set(ValueLayout.JAVA_BYTE, to + i, (byte) q);
            sum += q;
        }
        return sum;
    }

    @Override
    public void close() {
        values.close();
        scales.close();
        corrections.close();
    }
}
