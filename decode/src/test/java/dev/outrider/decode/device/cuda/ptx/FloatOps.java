package dev.outrider.decode.device.cuda.ptx;

import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;

import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;

/**
 * Arithmetic of f32 and f64: PTX ISA 9.7.3. f32 is exactly IEEE's; a NaN that comes out is 0x7fffffff. The approximations
 * (.approx, .full) are computed in double and rounded once: nearer to the truth than a card, within the documented error.
 */
final class FloatOps {
    private FloatOps() {}

    private interface Two {
        float of(float a, float b);
    }

    static Step of(Statement s, Coder c) {
        if (!s.types()[s.types().length - 1].floating() && !s.name().equals("testp")) return null;
        return switch (s.name()) {
            case "add", "sub", "mul", "div", "min", "max", "copysign" -> binary(s, c);
            case "fma", "mad" -> fma(s, c);
            case "neg", "abs" -> sign(s, c);
            case "rcp", "sqrt", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh" -> unary(s, c);
            case "testp" -> testp(s, c);
            default -> null;
        };
    }

    static int nan(float x) {
        return x != x ? 0x7fffffff : floatToRawIntBits(x);
    }

    /** Denormals to zero of the same sign. */
    static float flushed(float x) {
        return Math.abs(x) < Float.MIN_NORMAL ? x * 0f : x;
    }

    private static float saturated(float x) {
        return x > 0 ? Math.min(x, 1f) : 0f; // NaN and -0 become +0
    }

    private static Step binary(Statement s, Coder c) {
        s.only("rn", "rz", "rm", "rp", "ftz", "sat", "approx", "full", "NaN", "xorsign", "abs");
        Type type = s.type();
        if (type == Type.F64) return binary64(s, c);
        if (type == Type.F32X2) return pair(s, c);
        if (type != Type.F32) return HalfOps.of(s, c);
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        boolean ftz = s.has("ftz"), sat = s.has("sat");
        int mode = rounding(s);
        if (s.name().equals("copysign")) return (t, r) -> r[d] = (int) r[a] & 0x80000000 | (int) r[b] & 0x7fffffff;
        if (s.operands().size() == 4) return three(s, c);
        if (!ftz && !sat && mode == 0) {
            switch (s.name()) {
                case "add" -> {
                    return (t, r) -> r[d] = nan(intBitsToFloat((int) r[a]) + intBitsToFloat((int) r[b]));
                }
                case "sub" -> {
                    return (t, r) -> r[d] = nan(intBitsToFloat((int) r[a]) - intBitsToFloat((int) r[b]));
                }
                case "mul" -> {
                    return (t, r) -> r[d] = nan(intBitsToFloat((int) r[a]) * intBitsToFloat((int) r[b]));
                }
                default -> {}
            }
        }
        Two f = two(s, mode);
        return (t, r) -> {
            float x = intBitsToFloat((int) r[a]), y = intBitsToFloat((int) r[b]);
            float z = ftz ? flushed(f.of(flushed(x), flushed(y))) : f.of(x, y);
            r[d] = nan(sat ? saturated(z) : z);
        };
    }

    /** add, sub, mul and fma .f32x2 of sm_100 and above: two floats in 64 bits. */
    private static Step pair(Statement s, Coder c) {
        int mode = rounding(s);
        boolean ftz = s.has("ftz"), fused = s.name().equals("fma");
        Two f = fused ? null : two(s, mode);
        if (s.has("sat") || !"add sub mul fma".contains(s.name())) throw s.unknown("not known for pairs");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), Type.B64), b = c.in(s.operand(2), Type.B64);
        int e = fused ? c.in(s.operand(3), Type.B64) : a;
        return (t, r) -> {
            long out = 0;
            for (int shift = 0; shift < 64; shift += 32) {
                float x = intBitsToFloat((int) (r[a] >> shift)),
                        y = intBitsToFloat((int) (r[b] >> shift)),
                        z = intBitsToFloat((int) (r[e] >> shift));
                if (ftz) {
                    x = flushed(x);
                    y = flushed(y);
                    z = flushed(z);
                }
                float w = !fused ? f.of(x, y) : mode == 0 ? Math.fma(x, y, z) : Rounding.fma(x, y, z, mode);
                out |= (nan(ftz ? flushed(w) : w) & 0xffffffffL) << shift;
            }
            r[d] = out;
        };
    }

    private static Two two(Statement s, int mode) {
        return switch (s.name()) {
            case "add" -> mode == 0 ? (x, y) -> x + y : (x, y) -> Rounding.sum(x, y, mode);
            case "sub" -> mode == 0 ? (x, y) -> x - y : (x, y) -> Rounding.sum(x, -y, mode);
            case "mul" -> mode == 0 ? (x, y) -> x * y : (x, y) -> Rounding.product(x, y, mode);
            case "div" ->
                s.has("approx")
                        ? FloatOps::quick
                        : mode == 0 ? (x, y) -> x / y : (x, y) -> Rounding.quotient(x, y, mode);
            default -> extreme(s);
        };
    }

    /** div.approx.f32: zero for divisors above 2^126 (NaN for an infinite dividend). */
    private static float quick(float x, float y) {
        float size = Math.abs(y);
        if (size > 0x1p126f && size < Float.POSITIVE_INFINITY) return x * 0f * Math.signum(y);
        return x / y;
    }

    private static Two extreme(Statement s) {
        boolean least = s.name().equals("min"), spreads = s.has("NaN"), sign = s.has("xorsign");
        return (x, y) -> {
            if (x != x || y != y) return spreads ? Float.NaN : x != x ? y : x;
            if (!sign) return least ? Math.min(x, y) : Math.max(x, y);
            float z = least ? Math.min(Math.abs(x), Math.abs(y)) : Math.max(Math.abs(x), Math.abs(y));
            return intBitsToFloat(floatToRawIntBits(z) | (floatToRawIntBits(x) ^ floatToRawIntBits(y)) & 0x80000000);
        };
    }

    /** min and max of three: sm_100 and above. */
    private static Step three(Statement s, Coder c) {
        if (!s.name().equals("min") && !s.name().equals("max") || s.has("xorsign")) throw s.unknown("four operands");
        Two f = extreme(s);
        boolean ftz = s.has("ftz");
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), Type.F32),
                b = c.in(s.operand(2), Type.F32),
                e = c.in(s.operand(3), Type.F32);
        return (t, r) -> {
            float z = f.of(f.of(intBitsToFloat((int) r[a]), intBitsToFloat((int) r[b])), intBitsToFloat((int) r[e]));
            r[d] = nan(ftz ? flushed(z) : z);
        };
    }

    private static Step binary64(Statement s, Coder c) {
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), Type.F64), b = c.in(s.operand(2), Type.F64);
        int mode = rounding(s);
        if (s.name().equals("copysign")) return (t, r) -> r[d] = r[a] & Long.MIN_VALUE | r[b] & Long.MAX_VALUE;
        DoubleBinaryOperator f = switch (s.name()) {
            case "add" -> mode == 0 ? (x, y) -> x + y : (x, y) -> Rounding.sum(x, y, mode);
            case "sub" -> mode == 0 ? (x, y) -> x - y : (x, y) -> Rounding.sum(x, -y, mode);
            case "mul" -> mode == 0 ? (x, y) -> x * y : (x, y) -> Rounding.fma(x, y, 0, mode);
            case "div" -> mode == 0 ? (x, y) -> x / y : null;
            case "min" -> (x, y) -> x != x ? y : y != y ? x : Math.min(x, y);
            case "max" -> (x, y) -> x != x ? y : y != y ? x : Math.max(x, y);
            default -> null;
        };
        if (f == null) throw s.unknown("a rounding");
        return (t, r) -> r[d] = Double.doubleToRawLongBits(
                f.applyAsDouble(Double.longBitsToDouble(r[a]), Double.longBitsToDouble(r[b])));
    }

    /** 0 to nearest even, 1 to zero, 2 down, 3 up. */
    static int rounding(Statement s) {
        return s.has("rz") ? 1 : s.has("rm") ? 2 : s.has("rp") ? 3 : 0;
    }

    private static Step fma(Statement s, Coder c) {
        s.only("rn", "rz", "rm", "rp", "ftz", "sat", "relu");
        Type type = s.type();
        if (type == Type.F32X2) return pair(s, c);
        if (type != Type.F32 && type != Type.F64) return HalfOps.of(s, c);
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), type),
                b = c.in(s.operand(2), type),
                e = c.in(s.operand(3), type);
        int mode = rounding(s);
        if (type == Type.F64) {
            return (t, r) -> {
                double x = Double.longBitsToDouble(r[a]),
                        y = Double.longBitsToDouble(r[b]),
                        z = Double.longBitsToDouble(r[e]);
                r[d] = Double.doubleToRawLongBits(mode == 0 ? Math.fma(x, y, z) : Rounding.fma(x, y, z, mode));
            };
        }
        boolean ftz = s.has("ftz"), sat = s.has("sat");
        if (!ftz && !sat && mode == 0) {
            return (t, r) -> r[d] =
                    nan(Math.fma(intBitsToFloat((int) r[a]), intBitsToFloat((int) r[b]), intBitsToFloat((int) r[e])));
        }
        return (t, r) -> {
            float x = intBitsToFloat((int) r[a]), y = intBitsToFloat((int) r[b]), z = intBitsToFloat((int) r[e]);
            if (ftz) {
                x = flushed(x);
                y = flushed(y);
                z = flushed(z);
            }
            float out = mode == 0 ? Math.fma(x, y, z) : Rounding.fma(x, y, z, mode);
            if (ftz) out = flushed(out);
            r[d] = nan(sat ? saturated(out) : out);
        };
    }

    private static Step sign(Statement s, Coder c) {
        s.only("ftz");
        Type type = s.type();
        if (type != Type.F32 && type != Type.F64) return HalfOps.of(s, c);
        boolean neg = s.name().equals("neg"), ftz = s.has("ftz");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        if (type == Type.F64)
            return neg ? (t, r) -> r[d] = r[a] ^ Long.MIN_VALUE : (t, r) -> r[d] = r[a] & Long.MAX_VALUE;
        if (ftz) {
            return (t, r) -> {
                int x = floatToRawIntBits(flushed(intBitsToFloat((int) r[a])));
                r[d] = neg ? x ^ 0x80000000 : x & 0x7fffffff;
            };
        }
        return neg ? (t, r) -> r[d] = (int) r[a] ^ 0x80000000 : (t, r) -> r[d] = (int) r[a] & 0x7fffffff;
    }

    private static Step unary(Statement s, Coder c) {
        s.only("rn", "rz", "rm", "rp", "ftz", "approx");
        Type type = s.type();
        int mode = rounding(s);
        if (type == Type.F64) return unary64(s, c);
        if (type != Type.F32) return HalfOps.of(s, c);
        boolean ftz = s.has("ftz");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        DoubleUnaryOperator f = function(s.name());
        if (mode != 0) {
            boolean root = s.name().equals("sqrt");
            if (!root && !s.name().equals("rcp")) throw s.unknown("a rounding");
            return (t, r) -> {
                float x = intBitsToFloat((int) r[a]);
                if (ftz) x = flushed(x);
                float z = root ? Rounding.root(x, mode) : Rounding.quotient(1, x, mode);
                r[d] = nan(ftz ? flushed(z) : z);
            };
        }
        // Square root and quotient of floats, rounded to double and then to float, are what one rounding gives.
        return (t, r) -> {
            float x = intBitsToFloat((int) r[a]);
            float z = (float) f.applyAsDouble(ftz ? flushed(x) : x);
            r[d] = nan(ftz ? flushed(z) : z);
        };
    }

    private static final double LN2 = Math.log(2);

    static DoubleUnaryOperator function(String name) {
        return switch (name) {
            case "rcp" -> x -> 1 / x;
            case "sqrt" -> Math::sqrt;
            case "rsqrt" -> x -> 1 / Math.sqrt(x);
            case "ex2" -> x -> Math.pow(2, x);
            case "lg2" ->
                x -> x > 0 && x == Math.rint(x) && Math.getExponent(x) < 53 && Long.bitCount((long) x) == 1
                        ? Math.getExponent(x)
                        : Math.log(x) / LN2;
            case "sin" -> Math::sin;
            case "cos" -> Math::cos;
            default -> Math::tanh;
        };
    }

    /** rcp and rsqrt .approx.ftz.f64 take and give the upper 32 bits alone. */
    private static Step unary64(Statement s, Coder c) {
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), Type.F64);
        DoubleUnaryOperator f = function(s.name());
        if (FloatOps.rounding(s) != 0 || !"rcp sqrt rsqrt".contains(s.name()))
            throw s.unknown("a rounding or function");
        if (!s.has("approx"))
            return (t, r) -> r[d] = Double.doubleToRawLongBits(f.applyAsDouble(Double.longBitsToDouble(r[a])));
        return (t, r) -> {
            double x = Double.longBitsToDouble(r[a] & 0xffffffff00000000L);
            if (Math.abs(x) < Double.MIN_NORMAL) x *= 0.0;
            double z = f.applyAsDouble(x);
            if (Math.abs(z) < Double.MIN_NORMAL) z *= 0.0;
            r[d] = z != z ? 0x7ff8000000000000L : Double.doubleToRawLongBits(z) & 0xffffffff00000000L;
        };
    }

    private static Step testp(Statement s, Coder c) {
        s.only("finite", "infinite", "number", "notanumber", "normal", "subnormal");
        Type type = s.type();
        String what = s.words()[1];
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        double least = type == Type.F64 ? Double.MIN_NORMAL : Float.MIN_NORMAL;
        return (t, r) -> {
            double x = type == Type.F64 ? Double.longBitsToDouble(r[a]) : intBitsToFloat((int) r[a]),
                    size = Math.abs(x);
            boolean finite = size <= Double.MAX_VALUE;
            r[d] = switch (what) {
                        case "finite" -> finite;
                        case "infinite" -> size == Double.POSITIVE_INFINITY;
                        case "number" -> x == x;
                        case "notanumber" -> x != x;
                        case "normal" -> finite && size >= least;
                        default -> size > 0 && size < least;
                    }
                    ? 1
                    : 0;
        };
    }
}
