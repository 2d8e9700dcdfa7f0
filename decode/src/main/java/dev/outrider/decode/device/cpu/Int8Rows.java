package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;
import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.decode.device.Buffer;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Matrices of 8-bit weights. A row of n weights is n signed bytes, then n / 32 scales in F16, one for each
 * group of {@link Buffer#GROUP}: 1.0625 bytes a weight. Weight i is q[i] · scale[i / 32], which float32 holds
 * exactly, so such a matrix is one of float32 weights of fewer values and no more than that.
 *
 * <p>Quantisation is that of GGUF's Q8_0: d = max|w| / 127, q = round(w / d), halves away from zero, and d
 * kept as F16. Hence |w - q·d| <= d · (1/2 + 127 · 2^-11), plus half of F16's least step for each of q; and
 * values that come from Q8_0 give their bytes and scales again.
 */
final class Int8Rows {
    private static final int GROUP = Buffer.GROUP, MOST = 127;
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private Int8Rows() {}

    /** LANES weights of a row of {@code in}, from element i on, a multiple of LANES. */
    static FloatVector load(long row, int i, int in) {
        return ((FloatVector) ByteVector.fromMemorySegment(BYTES, ALL, row + i, ByteOrder.nativeOrder())
                        .convertShape(VectorOperators.B2F, FLOATS, 0))
                .mul(scale(row, i, in));
    }

    /** Weight i of a row of {@code in}. */
    static float value(long row, int i, int in) {
        return ALL.get(BYTE, row + i) * scale(row, i, in);
    }

    private static float scale(long row, int i, int in) {
        return Float.float16ToFloat(ALL.get(HALF, row + in + (i / GROUP * 2)));
    }

    /** A row's {@code in} weights as floats. */
    static void widenRow(long to, long row, int in) {
        for (int i = 0; i < in; i += LANES) Lanes.store(load(row, i, in), to + 4L * i);
    }

    /**
     * Quantises a row of {@code in} floats, a multiple of the group.
     *
     * @return whether all scales are finite
     */
    static boolean quantise(long row, long from, int in) {
        boolean finite = true;
        for (int i = 0; i < in; i += GROUP) {
            short scale = group(row + i, from + 4L * i);
            ALL.set(HALF, row + in + i / GROUP * 2, scale);
            finite &= Float.isFinite(Float.float16ToFloat(scale));
        }
        return finite;
    }

    // Writes the bytes; returns the scale.
    private static short group(long to, long from) {
        float largest = 0;
        for (int i = 0; i < GROUP; i++) largest = Math.max(largest, Math.abs(Lanes.get(from + 4L * i)));
        float d = largest / MOST, inverse = d == 0 ? 0 : 1 / d;
        for (int i = 0; i < GROUP; i++) ALL.set(BYTE, to + i, rounded(Lanes.get(from + 4L * i) * inverse));
        return Float.floatToFloat16(d);
    }

    // In double: a float just below a half would become one.
    private static byte rounded(double value) {
        return (byte) (value + Math.copySign(0.5, value));
    }
}
