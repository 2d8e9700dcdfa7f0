package dev.outrider.decode.device.cuda.ptx;

/** atom and red: PTX ISA 9.7.13. One after the other, in the order in which threads come to them. */
final class AtomicOps {
    private AtomicOps() {}

    static Step of(Statement s, Coder c) {
        s.only(
                "relaxed",
                "acquire",
                "release",
                "acq_rel",
                "cta",
                "gpu",
                "sys",
                "cluster",
                "global",
                "shared",
                "shared::cta",
                "add",
                "min",
                "max",
                "and",
                "or",
                "xor",
                "exch",
                "cas",
                "inc",
                "dec",
                "noftz");
        boolean red = s.name().equals("red");
        Type type = s.type();
        String how = null;
        for (String word : s.words())
            if (" add min max and or xor exch cas inc dec ".contains(" " + word + " ")) how = word;
        if (how == null || type.bytes == 1 || type == Type.B128) throw s.unknown("operation");
        String op = how;
        int shift = red ? 0 : 1;
        Operand.Address to = c.pointer(s.operand(shift));
        if (s.operands().size() != shift + (op.equals("cas") ? 3 : 2)) throw s.unknown("operands");
        if (s.operand(shift + 1) instanceof Operand.Pack) throw s.unknown("a vector");
        Space space = c.space(s, to);
        int d = red ? c.scratch() : c.out(s.operand(0)), a = c.address(to.base()), b = c.in(s.operand(shift + 1), type);
        int e = op.equals("cas") ? c.in(s.operand(shift + 2), type) : b;
        boolean releases = s.has("release") || s.has("acq_rel"), wide = !s.has("cta");
        return (t, r) -> {
            if (releases) t.cta.races.fence(t, wide);
            long at = t.at(space, r[a] + to.offset(), type.bytes, Access.ATOMIC);
            synchronized (t.cta.launch.atomics) {
                long old = MemoryOps.get(type, at);
                long x = type.value(old);
                long y = type.floating()
                        ? real(op, type, x, r[b])
                        : whole(op, type, x, type.value(r[b]), type.value(r[e]));
                MemoryOps.set(type, at, y);
                r[d] = old;
            }
        };
    }

    /** x is what is there. */
    static long whole(String op, Type type, long x, long y, long z) {
        boolean unsigned = type == Type.U64;
        int order = unsigned ? Long.compareUnsigned(x, y) : Long.compare(x, y);
        return switch (op) {
            case "add" -> x + y;
            case "min" -> order < 0 ? x : y;
            case "max" -> order > 0 ? x : y;
            case "and" -> x & y;
            case "or" -> x | y;
            case "xor" -> x ^ y;
            case "exch" -> y;
            case "cas" -> x == y ? z : x;
            case "inc" -> order >= 0 ? 0 : x + 1;
            default -> x == 0 || order > 0 ? y : x - 1;
        };
    }

    private static long real(String op, Type type, long x, long y) {
        if (op.equals("exch")) return y;
        if (!op.equals("add")) throw new PtxFault("atomic ." + op + " of floats is unknown");
        return switch (type) {
            case F32 -> FloatOps.nan(Float.intBitsToFloat((int) x) + Float.intBitsToFloat((int) y));
            case F64 -> Double.doubleToRawLongBits(Double.longBitsToDouble(x) + Double.longBitsToDouble(y));
            case F16, BF16 -> half(type, x, y);
            case F16X2, BF16X2 -> {
                Type one = type == Type.F16X2 ? Type.F16 : Type.BF16;
                yield half(one, x, y) | half(one, x >> 16, y >> 16) << 16;
            }
            default -> throw new PtxFault("atomic type " + type);
        };
    }

    private static long half(Type type, long x, long y) {
        return Half.bits(type, Rounding.oddFma(Half.real(type, x, false), 1, Half.real(type, y, false)));
    }
}
