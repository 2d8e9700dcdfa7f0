package dev.outrider.decode.device.cpu;

import static dev.outrider.decode.device.cpu.Lanes.ALL;
import static dev.outrider.decode.device.cpu.Lanes.FLOATS;
import static dev.outrider.decode.device.cpu.Lanes.LANES;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Layout;
import dev.outrider.decode.device.Narrowing;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Matrices of BF16 or 8-bit weights in tiles of {@link #OUTS} outputs, two vectors of floats, whatever the
 * machine's vectors are. Output j of a tile is lane j % LANES of vector j / LANES. So the lanes of a product are
 * outputs, and nothing is left to be added up in the end.
 *
 * <p>BF16: for each input LANES ints, the first vector's weights in their lower halves, the second's in the upper;
 * a shift or a mask makes floats of them. I8: for each input OUTS bytes; after each {@link Buffer#GROUP} inputs their
 * scales as floats. Weight (j, i) is q · scale, which float32 holds exactly: such a
 * matrix is one of float32 weights of fewer values and no more than that.
 *
 * <p>Quantisation is {@link Narrowing}'s, that of GGUF's Q8_0. Hence |w - q·d| <= d · (1/2 + 127 · 2^-11), plus half of
 * F16's least step for each of q; and values that come from Q8_0 give their bytes and scales again.
 */
final class Tiles {
    /** Outputs of a tile. */
    static final int OUTS = 2 * LANES;

    private static final int GROUP = Buffer.GROUP;
    /** Bytes of a group of 8-bit inputs, its scales among them. */
    private static final int BLOCK = (GROUP + 4) * OUTS;

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private Tiles() {}

    /** Whether rows of so many weights can be tiled. */
    static boolean hold(long in) {
        return in % GROUP == 0;
    }

    static Layout.Tiles layout(int in) {
        return new Layout.Tiles(OUTS, in);
    }

    // ---- vectors: of one input, at an address --------------------------------------------------

    static FloatVector bf16Low(long at) {
        return ints(at).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    static FloatVector bf16High(long at) {
        return ints(at).and(0xffff0000).reinterpretAsFloats();
    }

    /** LANES bytes, without their scale. */
    static FloatVector bytes(long at) {
        return (FloatVector)
                ByteVector.fromMemorySegment(BYTES, ALL, at, ORDER).convertShape(VectorOperators.B2F, FLOATS, 0);
    }

    private static IntVector ints(long at) {
        return IntVector.fromMemorySegment(INTS, ALL, at, ORDER);
    }

    // ---- single weights ------------------------------------------------------------------------

    /** Weight i of output j of a tile. */
    static float value(long tile, DType type, int j, int i) {
        if (type == DType.BF16) return Float.intBitsToFloat(ALL.get(HALF, bf16(tile, j, i)) << 16);
        return ALL.get(BYTE, eight(tile, j, i)) * Lanes.get(scale(tile, j, i));
    }

    private static long bf16(long tile, int j, int i) {
        return tile + 2L * OUTS * i + pair(j);
    }

    private static long eight(long tile, int j, int i) {
        return tile + (long) (i / GROUP) * BLOCK + i % GROUP * OUTS + j;
    }

    private static long scale(long tile, int j, int i) {
        return tile + (long) (i / GROUP) * BLOCK + GROUP * OUTS + 4 * j;
    }

    private static int pair(int j) {
        return 4 * (j % LANES) + 2 * (j / LANES);
    }

    // ---- whole rows and tiles ------------------------------------------------------------------

    /** The weights of output o as floats. */
    static void widen(long to, Buffer w, Layout.Tiles layout, int o) {
        long tile = w.address() + o / OUTS * layout.stride(w.type());
        for (int i = 0; i < layout.inputs(); i++) Lanes.set(to + 4L * i, value(tile, w.type(), o % OUTS, i));
    }

    /** A tile as floats [in, OUTS], {@code apart} bytes from one input to the next. */
    static void widenTile(long to, long apart, long tile, DType type, int in) {
        if (type == DType.BF16) bf16Row(to, apart, tile, in);
        else for (int i = 0; i < in; i += GROUP) groupRow(to + i * apart, apart, tile + (long) (i / GROUP) * BLOCK);
    }

    private static void bf16Row(long to, long apart, long tile, int in) {
        for (int i = 0; i < in; i++) {
            long at = tile + 2L * OUTS * i;
            Lanes.store(bf16Low(at), to + i * apart);
            Lanes.store(bf16High(at), to + i * apart + 4 * LANES);
        }
    }

    private static void groupRow(long to, long apart, long group) {
        long scales = group + GROUP * OUTS;
        FloatVector low = Lanes.load(scales), high = Lanes.load(scales + 4 * LANES);
        for (int i = 0; i < GROUP; i++) {
            long at = group + i * OUTS;
            Lanes.store(bytes(at).mul(low), to + i * apart);
            Lanes.store(bytes(at + LANES).mul(high), to + i * apart + 4 * LANES);
        }
    }

    /** Output j of a tile from a row of floats, each rounded to the nearest. */
    static void bf16(long tile, int j, long from, int in) {
        for (int i = 0; i < in; i++) ALL.set(HALF, bf16(tile, j, i), Narrowing.bf16(Lanes.get(from + 4L * i)));
    }

    /**
     * Output j of a tile from a row of floats, quantised.
     *
     * @return whether all scales are finite
     */
    static boolean quantise(long tile, int j, long from, int in) {
        boolean finite = true;
        for (int i = 0; i < in; i += GROUP) {
            float scale = Narrowing.group(ALL, from + 4L * i, ALL, eight(tile, j, i), OUTS);
            Lanes.set(scale(tile, j, i), scale);
            finite &= Float.isFinite(scale);
        }
        return finite;
    }
}
