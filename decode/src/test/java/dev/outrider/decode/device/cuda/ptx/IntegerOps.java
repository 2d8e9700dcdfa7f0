package dev.outrider.decode.device.cuda.ptx;

/** Integer and bit arithmetic: PTX ISA 9.7.1, 9.7.2 (extended precision), 9.7.8 (logic and shift). */
final class IntegerOps {
    private IntegerOps() {}

    private interface Two {
        long of(long a, long b);
    }

    private interface Three {
        long of(long a, long b, long c);
    }

    static Step of(Statement s, Coder c) {
        return switch (s.name()) {
            case "add" -> s.has("cc") ? carry(s, c) : add(s, c);
            case "sub" -> s.has("cc") ? carry(s, c) : sub(s, c);
            case "addc", "subc", "madc" -> carry(s, c);
            case "mul" -> mul(s, c);
            case "mad" -> s.has("cc") ? carry(s, c) : mad(s, c);
            case "mul24", "mad24" -> mul24(s, c);
            case "div", "rem" -> divide(s, c);
            case "min", "max" -> extreme(s, c);
            case "neg" -> one(s, c, a -> -a);
            case "abs" -> one(s, c, Math::abs);
            case "sad" -> three(s, c, (a, b, d) -> d + Math.abs(a - b));
            case "and", "or", "xor", "not", "cnot" -> logic(s, c);
            case "shl", "shr" -> shift(s, c);
            case "shf" -> funnel(s, c);
            case "lop3" -> lop3(s, c);
            case "bfe" -> bfe(s, c);
            case "bfi" -> bfi(s, c);
            case "bfind" -> bfind(s, c);
            case "brev", "popc", "clz" -> count(s, c);
            case "prmt" -> prmt(s, c);
            case "dp4a", "dp2a" -> dot(s, c);
            default -> null;
        };
    }

    private static Step one(Statement s, Coder c, java.util.function.LongUnaryOperator f) {
        s.only();
        Type type = s.type();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        if (type == Type.S32) return (t, r) -> r[d] = (int) f.applyAsLong((int) r[a]);
        return (t, r) -> r[d] = f.applyAsLong(type.value(r[a]));
    }

    private static Step two(Statement s, Coder c, Two f) {
        Type type = s.type();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        return (t, r) -> r[d] = f.of(type.value(r[a]), type.value(r[b]));
    }

    private static Step three(Statement s, Coder c, Three f) {
        Type type = s.type();
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), type),
                b = c.in(s.operand(2), type),
                e = c.in(s.operand(3), type);
        return (t, r) -> r[d] = f.of(type.value(r[a]), type.value(r[b]), type.value(r[e]));
    }

    private static Step add(Statement s, Coder c) {
        s.only("sat");
        Type type = s.type();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        if (s.has("sat")) return (t, r) -> r[d] = clamp((long) (int) r[a] + (int) r[b]);
        if (type.bytes == 8) return (t, r) -> r[d] = r[a] + r[b];
        if (s.words()[1].endsWith("x2"))
            return two(s, c, (x, y) -> (x + y & 0xffff) | (x & 0xffff0000L) + (y & 0xffff0000L));
        return (t, r) -> r[d] = (int) r[a] + (int) r[b];
    }

    private static Step sub(Statement s, Coder c) {
        s.only("sat");
        Type type = s.type();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        if (s.has("sat")) return (t, r) -> r[d] = clamp((long) (int) r[a] - (int) r[b]);
        if (type.bytes == 8) return (t, r) -> r[d] = r[a] - r[b];
        return (t, r) -> r[d] = (int) r[a] - (int) r[b];
    }

    private static long clamp(long sum) {
        return Math.clamp(sum, Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    private static Step mul(Statement s, Coder c) {
        s.only("lo", "hi", "wide");
        Type type = s.type();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        if (s.has("hi")) return two(s, c, high(type));
        boolean wide = s.has("wide");
        if (!wide && !s.has("lo")) throw s.unknown("neither .lo, .hi nor .wide");
        if (wide && type == Type.S32) return (t, r) -> r[d] = (long) (int) r[a] * (int) r[b];
        if (wide && type == Type.U32) return (t, r) -> r[d] = (r[a] & 0xffffffffL) * (r[b] & 0xffffffffL);
        if (wide) return two(s, c, (x, y) -> x * y); // 16 bits
        if (type.bytes == 8) return (t, r) -> r[d] = r[a] * r[b];
        return (t, r) -> r[d] = (int) r[a] * (int) r[b];
    }

    /** The upper half of a product. */
    private static Two high(Type type) {
        return switch (type) {
            case S64 -> Math::multiplyHigh;
            case U64 -> Math::unsignedMultiplyHigh;
            default -> (x, y) -> x * y >> type.bits();
        };
    }

    private static Step mad(Statement s, Coder c) {
        s.only("lo", "hi", "wide", "sat");
        Type type = s.type();
        boolean wide = s.has("wide");
        Type sum = !wide ? type : type.bytes == 4 ? Type.U64 : Type.U32;
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), type),
                b = c.in(s.operand(2), type),
                e = c.in(s.operand(3), sum);
        if (s.has("hi")) {
            Two high = high(type);
            boolean saturate = s.has("sat");
            return (t, r) -> {
                long x = high.of(type.value(r[a]), type.value(r[b])) + type.value(r[e]);
                r[d] = saturate ? clamp(x) : x;
            };
        }
        if (wide && type == Type.S32) return (t, r) -> r[d] = (long) (int) r[a] * (int) r[b] + r[e];
        if (wide) return (t, r) -> r[d] = type.value(r[a]) * type.value(r[b]) + r[e];
        if (!s.has("lo")) throw s.unknown("neither .lo, .hi nor .wide");
        if (type.bytes == 8) return (t, r) -> r[d] = r[a] * r[b] + r[e];
        return (t, r) -> r[d] = (int) r[a] * (int) r[b] + (int) r[e];
    }

    private static Step mul24(Statement s, Coder c) {
        s.only("lo", "hi");
        Type type = s.type();
        int shift = s.has("hi") ? 16 : 0;
        boolean signed = type.signed();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        int e = s.name().equals("mad24") ? c.in(s.operand(3), type) : c.constant(0);
        return (t, r) -> r[d] = (bits24(r[a], signed) * bits24(r[b], signed) >> shift) + r[e];
    }

    private static long bits24(long x, boolean signed) {
        return signed ? x << 40 >> 40 : x & 0xffffff;
    }

    /** By zero: an error. (A card gives an unspecified, machine-specific value.) */
    private static Step divide(Statement s, Coder c) {
        s.only();
        boolean div = s.name().equals("div"), unsigned = s.type() == Type.U64;
        return two(s, c, (x, y) -> {
            if (y == 0) throw new PtxFault("an integer divided by zero");
            if (unsigned) return div ? Long.divideUnsigned(x, y) : Long.remainderUnsigned(x, y);
            return div ? x / y : x % y;
        });
    }

    private static Step extreme(Statement s, Coder c) {
        s.only("relu");
        Type type = s.type();
        boolean least = s.name().equals("min"), relu = s.has("relu");
        if (s.words()[1].endsWith("x2") || s.words()[s.words().length - 1].endsWith("x2"))
            throw s.unknown("pairs are unknown");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        if (type == Type.S32 && !relu) {
            return least
                    ? (t, r) -> r[d] = Math.min((int) r[a], (int) r[b])
                    : (t, r) -> r[d] = Math.max((int) r[a], (int) r[b]);
        }
        if (type == Type.U64) {
            return (t, r) -> r[d] = Long.compareUnsigned(r[a], r[b]) < 0 == least ? r[a] : r[b];
        }
        return two(s, c, (x, y) -> {
            long z = least ? Math.min(x, y) : Math.max(x, y);
            return relu ? Math.max(z, 0) : z;
        });
    }

    private static Step logic(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        if (s.name().equals("cnot")) return (t, r) -> r[d] = type.value(r[a]) == 0 ? 1 : 0;
        if (s.name().equals("not")) return type == Type.PRED ? (t, r) -> r[d] = r[a] ^ 1 : (t, r) -> r[d] = ~r[a];
        int b = c.in(s.operand(2), type);
        return switch (s.name()) {
            case "and" -> (t, r) -> r[d] = r[a] & r[b];
            case "or" -> (t, r) -> r[d] = r[a] | r[b];
            default -> (t, r) -> r[d] = r[a] ^ r[b];
        };
    }

    /** Shifts beyond the width are clamped to it: zero, or the sign. */
    private static Step shift(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        int bits = type.bits();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), Type.U32);
        if (s.name().equals("shl")) {
            if (bits == 32) {
                return (t, r) -> {
                    long n = r[b] & 0xffffffffL;
                    r[d] = n > 31 ? 0 : (int) r[a] << n;
                };
            }
            return (t, r) -> {
                long n = r[b] & 0xffffffffL;
                r[d] = n >= bits ? 0 : r[a] << n;
            };
        }
        if (type.signed()) return (t, r) -> r[d] = type.value(r[a]) >> Math.min(r[b] & 0xffffffffL, 63);
        return (t, r) -> {
            long n = r[b] & 0xffffffffL;
            r[d] = n >= bits ? 0 : type.value(r[a]) >>> n;
        };
    }

    private static Step funnel(Statement s, Coder c) {
        s.only("l", "r", "clamp", "wrap");
        boolean left = s.has("l"), clamp = s.has("clamp");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), Type.B32), b = c.in(s.operand(2), Type.B32);
        int e = c.in(s.operand(3), Type.U32);
        return (t, r) -> {
            long both = r[b] << 32 | r[a] & 0xffffffffL;
            long n = r[e] & 0xffffffffL;
            n = clamp ? Math.min(n, 32) : n & 31;
            r[d] = (int) (left ? both << n >>> 32 : both >>> n);
        };
    }

    private static Step lop3(Statement s, Coder c) {
        s.only("BOOL", "and", "or");
        if (s.words().length != 2) throw s.unknown("with a predicate");
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), Type.B32),
                b = c.in(s.operand(2), Type.B32),
                e = c.in(s.operand(3), Type.B32);
        if (!(s.operand(4) instanceof Operand.Whole table)) throw s.unknown("no table");
        int bits = (int) table.value();
        return (t, r) -> {
            long x = r[a], y = r[b], z = r[e], out = 0;
            for (int i = 0; i < 8; i++) {
                if ((bits >> i & 1) != 0)
                    out |= ((i & 4) != 0 ? x : ~x) & ((i & 2) != 0 ? y : ~y) & ((i & 1) != 0 ? z : ~z);
            }
            r[d] = out;
        };
    }

    private static Step bfe(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        int bits = type.bits(), msb = bits - 1;
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), type),
                b = c.in(s.operand(2), Type.U32),
                e = c.in(s.operand(3), Type.U32);
        return (t, r) -> {
            int pos = (int) (r[b] & 0xff), len = (int) (r[e] & 0xff);
            long x = type.value(r[a]);
            boolean sign = type.signed() && len != 0 && (x >>> Math.min(pos + len - 1, msb) & 1) != 0;
            long out = sign ? -1 : 0;
            for (int i = 0; i < len && i <= msb && pos + i <= msb; i++) {
                out = out & ~(1L << i) | (x >>> pos + i & 1) << i;
            }
            r[d] = out;
        };
    }

    private static Step bfi(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        int bits = type.bits();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        int e = c.in(s.operand(3), Type.U32), f = c.in(s.operand(4), Type.U32);
        return (t, r) -> {
            int pos = (int) (r[e] & 0xff), len = (int) (r[f] & 0xff);
            if (len == 0 || pos >= bits) {
                r[d] = r[b];
                return;
            }
            long mask = (len >= 64 ? -1 : (1L << len) - 1) << pos;
            r[d] = r[b] & ~mask | r[a] << pos & mask;
        };
    }

    private static Step bfind(Statement s, Coder c) {
        s.only("shiftamt");
        Type type = s.type();
        boolean amount = s.has("shiftamt");
        int top = type.bits() - 1;
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        return (t, r) -> {
            long x = type.value(r[a]);
            if (type.signed() && x < 0) x = ~x;
            int found = 63 - Long.numberOfLeadingZeros(x);
            r[d] = found < 0 ? -1 : amount ? top - found : found;
        };
    }

    private static Step count(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        int bits = type.bits();
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type);
        return switch (s.name()) {
            case "brev" -> (t, r) -> r[d] = Long.reverse(r[a]) >>> 64 - bits;
            case "popc" -> (t, r) -> r[d] = Long.bitCount(type.value(r[a]));
            default -> (t, r) -> r[d] = Long.numberOfLeadingZeros(type.value(r[a])) - (64 - bits);
        };
    }

    private static Step prmt(Statement s, Coder c) {
        s.only("f4e", "b4e", "rc8", "ecl", "ecr", "rc16");
        if (s.words().length > 2) throw s.unknown("a mode of prmt");
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), Type.B32),
                b = c.in(s.operand(2), Type.B32),
                e = c.in(s.operand(3), Type.B32);
        return (t, r) -> {
            long bytes = r[b] << 32 | r[a] & 0xffffffffL;
            int out = 0;
            for (int i = 0; i < 4; i++) {
                int select = (int) (r[e] >>> 4 * i);
                int value = (int) (bytes >>> 8 * (select & 7)) & 0xff;
                if ((select & 8) != 0) value = (byte) value < 0 ? 0xff : 0;
                out |= value << 8 * i;
            }
            r[d] = out;
        };
    }

    private static Step dot(Statement s, Coder c) {
        s.only("lo", "hi");
        Type[] types = s.types();
        boolean two = s.name().equals("dp2a"), signedA = types[0].signed(), signedB = types[1].signed();
        int skip = s.has("hi") ? 2 : 0;
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), Type.B32),
                b = c.in(s.operand(2), Type.B32),
                e = c.in(s.operand(3), Type.B32);
        return (t, r) -> {
            int sum = (int) r[e];
            for (int i = 0; i < (two ? 2 : 4); i++) {
                int x = (int) (two ? r[a] >>> 16 * i : r[a] >>> 8 * i), y = (int) (r[b] >>> 8 * (i + (two ? skip : 0)));
                x = two ? signedA ? (short) x : x & 0xffff : signedA ? (byte) x : x & 0xff;
                sum += x * (signedB ? (byte) y : y & 0xff);
            }
            r[d] = sum;
        };
    }

    /** Sums and products with the carry flag. */
    private static Step carry(Statement s, Coder c) {
        s.only("cc", "lo", "hi");
        Type type = s.type();
        int bits = type.bits(), flag = c.carry();
        boolean uses = s.name().endsWith("c"),
                sets = s.has("cc"),
                minus = s.name().startsWith("sub"),
                product = s.name().startsWith("mad");
        boolean upper = s.has("hi");
        Two high = high(type);
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        int e = product ? c.in(s.operand(3), type) : 0;
        long mask = bits == 64 ? -1 : (1L << bits) - 1;
        return (t, r) -> {
            long x = product ? upper ? high.of(type.value(r[a]), type.value(r[b])) : r[a] * r[b] : r[a];
            long y = product ? r[e] : r[b], in = uses ? r[flag] : 0;
            x &= mask;
            y &= mask;
            long z = (minus ? x - y - in : x + y + in) & mask;
            if (sets) {
                int order = minus ? Long.compareUnsigned(x, y) : Long.compareUnsigned(z, x);
                r[flag] = order < 0 || in != 0 && order == 0 ? 1 : 0;
            }
            r[d] = z;
        };
    }
}
