package dev.outrider.decode.device.cuda.ptx;

import java.util.function.DoubleUnaryOperator;

/** Arithmetic of f16, bf16 and pairs of them: PTX ISA 9.7.4. In double, rounded to odd, then once to the type. */
final class HalfOps {
    private HalfOps() {}

    private interface Three {
        double of(double a, double b, double c);
    }

    static Step of(Statement s, Coder c) {
        s.only("rn", "ftz", "sat", "relu", "NaN", "approx", "xorsign", "abs");
        Type type = s.type(), one = type == Type.F16X2 ? Type.F16 : type == Type.BF16X2 ? Type.BF16 : type;
        if (one != Type.F16 && one != Type.BF16 || s.has("xorsign")) throw s.unknown("type or mode");
        boolean pair = one != type, sat = s.has("sat"), relu = s.has("relu"), ftz = s.has("ftz");
        int count = s.operands().size() - 1;
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        int b = count > 1 ? c.in(s.operand(2), type) : a, e = count > 2 ? c.in(s.operand(3), type) : a;
        if (s.name().equals("neg") || s.name().equals("abs")) {
            long sign = pair ? 0x80008000L : 0x8000L;
            return s.name().equals("neg") ? (t, r) -> r[d] = r[a] ^ sign : (t, r) -> r[d] = r[a] & ~sign;
        }
        Three f = function(s);
        return (t, r) -> {
            long out = 0;
            for (int shift = 0; shift < (pair ? 32 : 16); shift += 16) {
                double z = f.of(
                        real(one, r[a] >> shift, ftz), real(one, r[b] >> shift, ftz), real(one, r[e] >> shift, ftz));
                if (sat) z = z > 0 ? Math.min(z, 1) : 0;
                if (relu && !(z != z)) z = z > 0 ? z : 0;
                long bits = Half.bits(one, z);
                if (ftz && (bits & 0x7c00) == 0 && one == Type.F16) bits &= 0x8000;
                out |= bits << shift;
            }
            r[d] = out;
        };
    }

    private static double real(Type type, long bits, boolean ftz) {
        double x = Half.real(type, bits, false);
        return ftz && type == Type.F16 && Math.abs(x) < 0x1p-14 ? x * 0 : x;
    }

    private static Three function(Statement s) {
        boolean spreads = s.has("NaN");
        return switch (s.name()) {
            case "add" -> (x, y, z) -> Rounding.oddFma(x, 1, y);
            case "sub" -> (x, y, z) -> Rounding.oddFma(x, 1, -y);
            case "mul" -> (x, y, z) -> x * y;
            case "fma" -> Rounding::oddFma;
            case "min" -> (x, y, z) -> x != x || y != y ? spreads ? Double.NaN : x != x ? y : x : Math.min(x, y);
            case "max" -> (x, y, z) -> x != x || y != y ? spreads ? Double.NaN : x != x ? y : x : Math.max(x, y);
            case "ex2", "tanh" -> {
                DoubleUnaryOperator f = FloatOps.function(s.name());
                yield (x, y, z) -> f.applyAsDouble(x);
            }
            default -> throw s.unknown("not known for halves");
        };
    }
}
