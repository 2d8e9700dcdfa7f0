package dev.outrider.decode.device.cuda.ptx;

import java.util.Locale;

/** PTX's fundamental types. */
enum Type {
    PRED(1),
    B8(1),
    U8(1),
    S8(1),
    B16(2),
    U16(2),
    S16(2),
    F16(2),
    BF16(2),
    B32(4),
    U32(4),
    S32(4),
    F32(4),
    F16X2(4),
    BF16X2(4),
    TF32(4),
    B64(8),
    U64(8),
    S64(8),
    F64(8),
    F32X2(8),
    B128(16);

    final int bytes;

    Type(int bytes) {
        this.bytes = bytes;
    }

    /** The type that a word of an opcode names, without its dot, or null. */
    static Type named(String word) {
        for (Type type : values()) if (type.name().toLowerCase(Locale.ROOT).equals(word)) return type;
        return null;
    }

    boolean signed() {
        return this == S8 || this == S16 || this == S32 || this == S64;
    }

    boolean integer() {
        return !floating() && this != PRED;
    }

    boolean floating() {
        return switch (this) {
            case F16, BF16, F32, F16X2, BF16X2, TF32, F64, F32X2 -> true;
            default -> false;
        };
    }

    int bits() {
        return 8 * bytes;
    }

    /** A register's bits as a value of this type: what lies above them in the slot is of no meaning. */
    long value(long slot) {
        return switch (this) {
            case PRED -> slot & 1;
            case B8, U8 -> slot & 0xff;
            case S8 -> (byte) slot;
            case B16, U16, F16, BF16 -> slot & 0xffff;
            case S16 -> (short) slot;
            case S32 -> (int) slot;
            case B32, U32, F32, F16X2, BF16X2, TF32 -> slot & 0xffffffffL;
            default -> slot;
        };
    }
}
