package dev.outrider.checkpoints;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * What the blocks of ggml's quantised types stand for, in float32, product before sum as ggml does it: the
 * values are its values bit for bit. d and m are a block's float16 scale and minimum, q its small integers.
 */
final class GgufBlocks {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private final MemorySegment from;
    private final MemorySegment to;
    /** Where the block at work begins, in bytes, and its values, in elements. */
    private long at, out;

    private GgufBlocks(MemorySegment from, MemorySegment to) {
        this.from = from;
        this.to = to;
    }

    /**
     * Spells out whole blocks.
     *
     * @param from the blocks' bytes
     * @param to room for as many float32 as they hold, aligned
     */
    static void dequantise(GgufType type, MemorySegment from, MemorySegment to) {
        GgufBlocks blocks = new GgufBlocks(from, to);
        for (; blocks.at < from.byteSize(); blocks.at += type.bytes, blocks.out += type.values) blocks.one(type);
    }

    private void one(GgufType type) {
        switch (type) {
            case Q8_0 -> q80();
            case Q4_0 -> nibbles(0, -8, 0);
            case Q4_1 -> nibbles(0, 0, 2);
            case Q5_0 -> nibbles(4, -16, 0);
            case Q5_1 -> nibbles(4, 0, 2);
            case Q4_K -> q4k(0);
            case Q5_K -> q4k(32);
            case Q6_K -> q6k();
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no blocks");
        }
    }

    private int unsigned(long offset) {
        return from.get(ValueLayout.JAVA_BYTE, at + offset) & 0xff;
    }

    private int signed(long offset) {
        return from.get(ValueLayout.JAVA_BYTE, at + offset);
    }

    private float half(long offset) {
        return Float.float16ToFloat(from.get(SHORT, at + offset));
    }

    private void put(int index, float value) {
        to.set(FLOAT, 4 * (out + index), value);
    }

    // d, 32 signed bytes
    private void q80() {
        float d = half(0);
        for (int i = 0; i < 32; i++) put(i, d * signed(2 + i));
    }

    /**
     * Q4_0, Q4_1, Q5_0, Q5_1: d, with bytes of minimum m, with bytes of the 32 fifth bits, 16 bytes whose lower
     * halves are the first 16 values.
     */
    private void nibbles(int high, int shift, int minimum) {
        float d = half(0), m = minimum == 0 ? 0 : half(2);
        int fifth = high == 0 ? 0 : from.get(INT, at + 2 + minimum);
        for (int i = 0; i < 16; i++) {
            int two = unsigned(2 + minimum + high + i);
            int first = (two & 15 | (fifth >>> i & 1) << 4) + shift;
            int second = (two >> 4 | (fifth >>> i + 16 & 1) << 4) + shift;
            put(i, minimum == 0 ? d * first : d * first + m);
            put(i + 16, minimum == 0 ? d * second : d * second + m);
        }
    }

    /**
     * Q4_K and Q5_K: d, m, 8 scales and minima of 6 bits, with bytes of fifth bits (bit j for group j), 128
     * bytes; groups 2k and 2k + 1 are the lower and upper halves of bytes 32k to 32k + 31.
     */
    private void q4k(int high) {
        float d = half(0), m = half(2);
        for (int group = 0; group < 8; group++) {
            float scale = d * scale(group), least = m * minimum(group);
            for (int i = 0; i < 32; i++) {
                int four = unsigned(16 + high + group / 2 * 32 + i) >> 4 * (group & 1) & 15;
                int fifth = high == 0 ? 0 : unsigned(16 + i) >> group & 1;
                put(group * 32 + i, scale * (four | fifth << 4) - least);
            }
        }
    }

    // Bytes 4 to 15: scales 0..3, minima 0..3 (their upper two bits belong to 4..7), lower four bits of 4..7.
    private int scale(int group) {
        if (group < 4) return unsigned(4 + group) & 63;
        return unsigned(8 + group) & 15 | unsigned(group) >> 6 << 4;
    }

    private int minimum(int group) {
        if (group < 4) return unsigned(8 + group) & 63;
        return unsigned(8 + group) >> 4 | unsigned(4 + group) >> 6 << 4;
    }

    /**
     * Q6_K: 128 bytes of lower four bits, 64 of upper two, 16 signed scales, d. Of each half (128 values),
     * group g of 32: bytes g % 2, nibble g / 2, bit pair g.
     */
    private void q6k() {
        float d = half(208);
        for (int group = 0; group < 8; group++) {
            int part = group / 4, g = group % 4;
            for (int i = 0; i < 32; i++) {
                int four = unsigned(part * 64 + g % 2 * 32 + i) >> 4 * (g / 2) & 15;
                int two = unsigned(128 + part * 32 + i) >> 2 * g & 3;
                int index = group * 32 + i;
                put(index, d * signed(192 + index / 16) * ((four | two << 4) - 32));
            }
        }
    }
}
