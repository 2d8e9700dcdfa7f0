package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;
import static dev.outrider.decode.device.cpu.Lanes.FLOATS;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Narrowing;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Matrices in tiles of {@link #OUTS} outputs, whatever the machine's vectors are, in lines of 64 bytes: 32 bits of each
 * output, which are one input's weights in F32, two inputs' in BF16 and four in I8. So the lanes of a product are outputs, and
 * nothing is left to be added up in the end.
 *
 * <p>I8 has q + 128 as unsigned bytes, and after the lines of each {@link Buffer#GROUP} inputs their scales in F16, one for
 * each output. Weight (j, i) is q · scale, which float32 holds exactly: such a matrix is one of float32 weights of fewer
 * values and no more than that.
 *
 * <p>Quantisation is {@link Narrowing}'s, that of GGUF's Q8_0. Hence |w - q·d| <= d · (1/2 + 127 · 2^-11), plus half of
 * F16's least step for each of q; and values that come from Q8_0 give their bytes and scales again.
 */
final class Tiles {
    /** Outputs of a tile. */
    static final int OUTS = 16;

    /** Bytes of a line. */
    static final int LINE = 4 * OUTS;

    /** What is added to a weight of 8 bits where it is stored. */
    static final int ZERO = 128;

    private static final int GROUP = Buffer.GROUP;
    /** Bytes of a group of 8-bit inputs, its scales among them. */
    static final int BLOCK = (GROUP + 2) * OUTS;

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private Tiles() {}

    /** Whether rows of so many weights can be tiled. */
    static boolean hold(long in) {
        return in % GROUP == 0;
    }

    static Layout.Tiles layout(int in) {
        return new Layout.Tiles(OUTS, in);
    }

    static int count(int out) {
        return (out + OUTS - 1) / OUTS;
    }

    /** Inputs of a line. */
    static int inputs(DType type) {
        return 4 / type.bytes;
    }

    // ---- LANES outputs of a line, at an address --------------------------------------------------

    static FloatVector bf16Even(long at) {
        return ints(at).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    static FloatVector bf16Odd(long at) {
        return ints(at).and(0xffff0000).reinterpretAsFloats();
    }

    /** The bytes of input k of the line, {@link #ZERO} among them, without their scale. */
    static FloatVector bytes(long at, int k) {
        IntVector bytes = ints(at).lanewise(VectorOperators.LSHR, 8 * k).and(0xff);
        return (FloatVector) bytes.convert(VectorOperators.I2F, 0);
    }

    private static IntVector ints(long at) {
        return IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
    }

    // ---- single weights ------------------------------------------------------------------------

    /** Weight i of output j of a tile. */
    static float value(long tile, DType type, int j, int i) {
        long at = place(tile, type, j, i);
        return switch (type) {
            case F32 -> Lanes.get(at);
            case BF16 -> Float.intBitsToFloat(ALL.get(HALF, at) << 16);
            default -> eight(at) * scale(tile, j, i / GROUP);
        };
    }

    /** A weight of 8 bits, without its scale. */
    static int eight(long tile, int j, int i) {
        return eight(place(tile, DType.I8, j, i));
    }

    private static int eight(long at) {
        return Byte.toUnsignedInt(ALL.get(BYTE, at)) - ZERO;
    }

    /** The scale of output j in a group. */
    static float scale(long tile, int j, int group) {
        return Float.float16ToFloat(ALL.get(HALF, scaleAt(tile, j, group)));
    }

    private static long scaleAt(long tile, int j, int group) {
        return tile + (long) group * BLOCK + GROUP * OUTS + 2 * j;
    }

    private static long place(long tile, DType type, int j, int i) {
        int together = inputs(type);
        long line = type == DType.I8
                ? (long) (i / GROUP) * BLOCK + i % GROUP / together * LINE
                : (long) i / together * LINE;
        return tile + line + 4 * j + i % together * type.bytes;
    }

    // ---- whole rows and tiles ------------------------------------------------------------------

    /** The weights of output o as floats. */
    static void widen(long to, Buffer w, Layout.Tiles layout, int o) {
        long tile = w.address() + o / OUTS * layout.stride(w.type());
        for (int i = 0; i < layout.inputs(); i++) Lanes.set(to + 4L * i, value(tile, w.type(), o % OUTS, i));
    }

    /** A tile as floats [in, OUTS], {@code apart} bytes from one input to the next. */
    static void widenTile(long to, long apart, long tile, DType type, int in) {
        for (int j = 0; j < OUTS; j += Lanes.LANES) {
            switch (type) {
                case F32 -> copyRow(to + 4L * j, apart, tile + 4L * j, in);
                case BF16 -> bf16Row(to + 4L * j, apart, tile + 4L * j, in);
                default -> {
                    for (int i = 0; i < in; i += GROUP) {
                        long group = tile + (long) (i / GROUP) * BLOCK;
                        groupRow(to + 4L * j + i * apart, apart, group + 4L * j, group + GROUP * OUTS + 2L * j);
                    }
                }
            }
        }
    }

    private static void copyRow(long to, long apart, long lines, int in) {
        for (int i = 0; i < in; i++) Lanes.store(Lanes.load(lines + (long) LINE * i), to + i * apart);
    }

    private static void bf16Row(long to, long apart, long lines, int in) {
        for (int i = 0; i < in; i += 2) {
            long at = lines + (long) LINE / 2 * i;
            Lanes.store(bf16Even(at), to + i * apart);
            Lanes.store(bf16Odd(at), to + (i + 1) * apart);
        }
    }

    private static void groupRow(long to, long apart, long lines, long scales) {
        FloatVector scale = Lanes.loadF16(scales);
        for (int i = 0; i < GROUP; i += 4) {
            long at = lines + (long) LINE / 4 * i;
            for (int k = 0; k < 4; k++) Lanes.store(bytes(at, k).sub(ZERO).mul(scale), to + (i + k) * apart);
        }
    }

    /**
     * Output j of a tile from a row of floats, each rounded to the nearest, or quantised.
     *
     * @param row room for the row in the tile's type
     * @return whether all scales are finite
     */
    static boolean put(long tile, DType type, int j, long from, int in, long row) {
        boolean finite = true;
        switch (type) {
            case F32 -> lines(tile + 4 * j, from, in);
            case BF16 -> {
                // One by one: a model is loaded before the compiler has made anything of vectors.
                for (int i = 0; i < in; i++) ALL.set(HALF, row + 2L * i, Narrowing.bf16(Lanes.get(from + 4L * i)));
                lines(tile + 4 * j, row, in / 2);
            }
            default -> {
                for (int g = 0; g < in / GROUP; g++) {
                    float scale = Narrowing.group(ALL, from + 4L * GROUP * g, ALL, row, ZERO);
                    lines(tile + (long) g * BLOCK + 4 * j, row, GROUP / 4);
                    ALL.set(HALF, scaleAt(tile, j, g), Float.floatToFloat16(scale));
                    finite &= Float.isFinite(scale);
                }
            }
        }
        return finite;
    }

    // The 32 bits of an output in each of so many lines.
    private static void lines(long to, long from, int count) {
        for (int l = 0; l < count; l++) ALL.set(INT, to + (long) LINE * l, ALL.get(INT, from + 4L * l));
    }
}
