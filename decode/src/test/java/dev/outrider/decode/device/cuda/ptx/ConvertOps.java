package dev.outrider.decode.device.cuda.ptx;

import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;

import java.math.BigDecimal;
import java.util.List;

/** Movement between registers and conversion: PTX ISA 9.7.9, mov, cvt, cvta, isspacep. */
final class ConvertOps {
    private ConvertOps() {}

    static Step of(Statement s, Coder c) {
        return switch (s.name()) {
            case "mov" -> mov(s, c);
            case "cvt" -> cvt(s, c);
            case "cvta" -> cvta(s, c);
            case "isspacep" -> isspacep(s, c);
            default -> null;
        };
    }

    private static Step mov(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        if (type == Type.B128) throw s.unknown("128 bits");
        if (s.operand(0) instanceof Operand.Pack into) {
            int[] d = into.parts().stream().mapToInt(c::out).toArray();
            int a = c.in(s.operand(1), type), bits = type.bits() / d.length;
            return (t, r) -> {
                long x = r[a];
                for (int i = 0; i < d.length; i++) r[d[i]] = x >> i * bits;
            };
        }
        int d = c.out(s.operand(0));
        if (s.operand(1) instanceof Operand.Pack from) {
            Type part = Type.valueOf("B" + type.bits() / from.parts().size());
            int[] a = from.parts().stream().mapToInt(o -> c.in(o, part)).toArray();
            return (t, r) -> {
                long x = 0;
                for (int i = 0; i < a.length; i++) x |= part.value(r[a[i]]) << i * part.bits();
                r[d] = x;
            };
        }
        int a = c.in(s.operand(1), type);
        return (t, r) -> r[d] = r[a];
    }

    private static Step cvt(Statement s, Coder c) {
        s.only("rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "rna", "ftz", "sat", "relu", "satfinite");
        Type[] types = s.types();
        if (types.length != 2 || s.has("satfinite")) throw s.unknown("types or mode");
        Type to = types[0], from = types[1];
        if (to == Type.F16X2 || to == Type.BF16X2) return pair(s, c, to == Type.F16X2 ? Type.F16 : Type.BF16, from);
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), from);
        boolean sat = s.has("sat"), ftz = s.has("ftz");
        if (to == Type.TF32) return tf32(s, d, a);
        if (to.integer() && from.integer()) return whole(to, from, sat, d, a);
        if (to.integer()) return toInteger(s, to, from, d, a);
        if (from.integer()) return fromInteger(s, to, from, d, a);
        return floating(s, to, from, d, a, sat, ftz);
    }

    private static Step whole(Type to, Type from, boolean sat, int d, int a) {
        if (sat) return (t, r) -> r[d] = saturated(to, from, from.value(r[a]));
        if (from == Type.S32 && to.bytes == 8) return (t, r) -> r[d] = (int) r[a];
        if ((from == Type.U32 || from == Type.B32) && to.bytes == 8) return (t, r) -> r[d] = r[a] & 0xffffffffL;
        if (to.bytes == 4 && from.bytes == 8) return (t, r) -> r[d] = (int) r[a];
        return (t, r) -> r[d] = to.value(from.value(r[a]));
    }

    private static long saturated(Type to, Type from, long x) {
        boolean big = from == Type.U64 && x < 0;
        long most = to == Type.U64 ? -1 : to.signed() ? -1L >>> 65 - to.bits() : -1L >>> 64 - to.bits();
        long least = to.signed() ? ~most : 0;
        if (to == Type.U64) return !big && from.signed() && x < 0 ? 0 : x;
        return big ? most : Math.clamp(x, least, most);
    }

    /** Rounded as asked, clamped to the type; NaN is 0, or the top bit alone where 64 bits come in or go out. */
    private static Step toInteger(Statement s, Type to, Type from, int d, int a) {
        String mode = s.words()[1];
        boolean ftz = s.has("ftz");
        long nan = from == Type.F64 || to.bytes == 8 ? 1L << to.bits() - 1 : 0;
        if (!List.of("rni", "rzi", "rmi", "rpi").contains(mode)) throw s.unknown("no rounding to integer");
        if (mode.equals("rzi") && to == Type.S32 && from == Type.F32)
            return (t, r) -> r[d] = (int) intBitsToFloat((int) r[a]);
        return (t, r) -> {
            double x = Half.real(from, r[a], ftz);
            r[d] = x != x ? nan : clamped(to, integral(x, mode));
        };
    }

    private static double integral(double x, String mode) {
        return switch (mode) {
            case "rni" -> Math.rint(x);
            case "rmi" -> Math.floor(x);
            case "rpi" -> Math.ceil(x);
            default -> Math.copySign(Math.floor(Math.abs(x)), x);
        };
    }

    private static long clamped(Type to, double x) {
        if (to == Type.S64 || to == Type.B64) return (long) x;
        if (to == Type.U64)
            return x <= 0 ? 0 : x < 0x1p63 ? (long) x : x >= 0x1p64 ? -1 : (long) (x - 0x1p63) ^ Long.MIN_VALUE;
        return saturated(to, Type.S64, (long) x);
    }

    private static Step fromInteger(Statement s, Type to, Type from, int d, int a) {
        int mode = FloatOps.rounding(s);
        boolean sat = s.has("sat");
        if (to == Type.F32 && from == Type.S32 && mode == 0 && !sat)
            return (t, r) -> r[d] = floatToRawIntBits((float) (int) r[a]);
        if (to == Type.F64 && from.bytes <= 4) return (t, r) -> r[d] = Double.doubleToRawLongBits(from.value(r[a]));
        return (t, r) -> {
            long x = from.value(r[a]);
            BigDecimal exact = new BigDecimal(from == Type.U64 ? Long.toUnsignedString(x) : Long.toString(x));
            if (sat) exact = exact.max(BigDecimal.ZERO).min(BigDecimal.ONE);
            double z = exact.doubleValue();
            double error = exact.subtract(new BigDecimal(z)).doubleValue();
            r[d] = switch (to) {
                case F64 -> Double.doubleToRawLongBits(mode == 0 ? z : Rounding.fma(z, 1, error, mode));
                case F32 ->
                    floatToRawIntBits(mode == 0 ? (float) Rounding.odd(z, error) : Rounding.directed(z, error, mode));
                default -> {
                    if (mode > 1) throw s.unknown("a rounding");
                    double odd = Rounding.odd(z, error);
                    yield mode == 0 ? Half.bits(to, odd) : Half.truncated(to, odd);
                }
            };
        };
    }

    private static Step floating(Statement s, Type to, Type from, int d, int a, boolean sat, boolean ftz) {
        int mode = FloatOps.rounding(s);
        String integral = s.words()[1].endsWith("i") ? s.words()[1] : null;
        boolean relu = s.has("relu"), narrow = to.bytes < from.bytes;
        if (narrow && to.bytes == 2 && mode > 1) throw s.unknown("a rounding");
        return (t, r) -> {
            double x = Half.real(from, r[a], ftz);
            if (integral != null) x = integral(x, integral);
            if (sat) x = x > 0 ? Math.min(x, 1) : 0;
            if (relu && !(x > 0)) x = x != x ? x : 0;
            r[d] = switch (to) {
                case F64 -> Double.doubleToRawLongBits(x);
                case F32 -> {
                    float z = mode == 0 || from != Type.F64 ? (float) x : Rounding.directed(x, 0, mode);
                    yield FloatOps.nan(ftz ? FloatOps.flushed(z) : z);
                }
                default -> mode == 1 ? Half.truncated(to, x) : Half.bits(to, x);
            };
        };
    }

    /** The first source is the upper half. */
    private static Step pair(Statement s, Coder c, Type to, Type from) {
        if (from != Type.F32 || s.operands().size() != 3 || FloatOps.rounding(s) > 1) throw s.unknown("operands");
        boolean relu = s.has("relu"), truncates = s.has("rz");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), from), b = c.in(s.operand(2), from);
        return (t, r) -> r[d] = half(to, (int) r[a], relu, truncates) << 16 | half(to, (int) r[b], relu, truncates);
    }

    private static int half(Type to, int bits, boolean relu, boolean truncates) {
        float x = intBitsToFloat(bits);
        if (relu && x <= 0) x = 0;
        return truncates ? Half.truncated(to, x) : Half.bits(to, x);
    }

    /** To 10 bits of mantissa: .rna nearest with ties away from zero, .rn ties to even, .rz. */
    private static Step tf32(Statement s, int d, int a) {
        boolean away = s.has("rna"), zero = s.has("rz");
        return (t, r) -> {
            int x = (int) r[a];
            if (intBitsToFloat(x) != intBitsToFloat(x)) r[d] = 0x7fffffff;
            else if (zero) r[d] = x & 0xffffe000;
            else r[d] = x + (away ? 0x1000 : 0xfff + (x >>> 13 & 1)) & 0xffffe000;
        };
    }

    private static Step cvta(Statement s, Coder c) {
        boolean to = s.has("to");
        int tag = Space.of(s).tag;
        int d = c.out(s.operand(0)), a = c.address(s.operand(1));
        if (tag == 0) return (t, r) -> r[d] = r[a];
        if (!to) return (t, r) -> r[d] = r[a] | (long) tag << 60;
        return (t, r) -> {
            if (r[a] >>> 60 != tag)
                throw new PtxFault("a generic address that is not of this space: 0x" + Long.toHexString(r[a]));
            r[d] = r[a] & -1L >>> 4;
        };
    }

    private static Step isspacep(Statement s, Coder c) {
        int tag = Space.of(s).tag;
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), Type.U64);
        return (t, r) -> r[d] = r[a] >>> 60 == tag ? 1 : 0;
    }
}
