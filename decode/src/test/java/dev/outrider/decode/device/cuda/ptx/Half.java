package dev.outrider.decode.device.cuda.ptx;

/** The narrow floats: their bits to values and back. */
final class Half {
    private Half() {}

    /** A register's low bits as a number. */
    static double real(Type type, long bits, boolean ftz) {
        return switch (type) {
            case F64 -> Double.longBitsToDouble(bits);
            case F16 -> Float.float16ToFloat((short) bits);
            case BF16 -> Float.intBitsToFloat((int) bits << 16);
            case F32 -> {
                float x = Float.intBitsToFloat((int) bits);
                yield ftz ? FloatOps.flushed(x) : x;
            }
            case TF32 -> Float.intBitsToFloat((int) bits & 0xffffe000);
            default -> throw new PtxFault(type + " is no number");
        };
    }

    /** To float16, nearest even; a NaN is 0x7fff. Exact if x is a float, or a double rounded to odd. */
    static int f16(double x) {
        if (x != x) return 0x7fff;
        double size = Math.abs(x);
        int sign = Double.doubleToRawLongBits(x) < 0 ? 0x8000 : 0;
        if (size >= 65520) return sign | 0x7c00;
        double ulp = size < 0x1p-14 ? 0x1p-24 : Math.scalb(1.0, Math.getExponent(size) - 10);
        double rounded = Math.rint(size / ulp) * ulp;
        return sign | Float.floatToFloat16((float) rounded);
    }

    /** To bfloat16, nearest even; a NaN is 0x7fff. */
    static int bf16(double x) {
        if (x != x) return 0x7fff;
        double size = Math.abs(x);
        int sign = Double.doubleToRawLongBits(x) < 0 ? 0x8000 : 0;
        double ulp = size < Float.MIN_NORMAL ? 0x1p-133 : Math.scalb(1.0, Math.getExponent(size) - 7);
        float rounded = size > Float.MAX_VALUE ? Float.POSITIVE_INFINITY : (float) (Math.rint(size / ulp) * ulp);
        return sign | Float.floatToRawIntBits(rounded) >>> 16;
    }

    static int bits(Type type, double x) {
        return type == Type.F16 ? f16(x) : bf16(x);
    }

    /** Towards zero. */
    static int truncated(Type type, double x) {
        int nearest = bits(type, x);
        return x == x && Math.abs(real(type, nearest, false)) > Math.abs(x) ? nearest - 1 : nearest;
    }
}
