package dev.outrider.decode.device.cuda.ptx;

/** Comparison and selection: PTX ISA 9.7.6 and 9.7.7. */
final class CompareOps {
    private CompareOps() {}

    private interface Test {
        boolean of(long[] r, int a, int b);
    }

    static Step of(Statement s, Coder c) {
        return switch (s.name()) {
            case "setp" -> setp(s, c);
            case "set" -> set(s, c);
            case "selp" -> selp(s, c);
            case "slct" -> slct(s, c);
            default -> null;
        };
    }

    private static Step setp(Statement s, Coder c) {
        s.only(
                "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu",
                "num", "nan", "and", "or", "xor", "ftz");
        Type type = s.type();
        boolean both = s.operand(0) instanceof Operand.Both;
        int p = c.out(both ? ((Operand.Both) s.operand(0)).first() : s.operand(0));
        int q = both ? c.out(((Operand.Both) s.operand(0)).second()) : -1;
        int a = c.in(s.operand(1), type), b = c.in(s.operand(2), type);
        Test test = test(s, s.words()[1], type);
        boolean and = s.has("and"), or = s.has("or"), xor = s.has("xor");
        if (!(and || or || xor)) {
            if (both) {
                return (t, r) -> {
                    boolean x = test.of(r, a, b);
                    r[p] = x ? 1 : 0;
                    r[q] = x ? 0 : 1;
                };
            }
            if (type == Type.S32) return signed(s.words()[1], p, a, b, test);
            if (type == Type.F32 && !s.has("ftz")) return single(s.words()[1], p, a, b, test);
            return (t, r) -> r[p] = test.of(r, a, b) ? 1 : 0;
        }
        int e = c.in(s.operand(3), Type.PRED);
        return (t, r) -> {
            boolean x = test.of(r, a, b), y = r[e] != 0;
            if (both) r[q] = (and ? !x && y : or ? !x || y : !x != y) ? 1 : 0;
            r[p] = (and ? x && y : or ? x || y : x != y) ? 1 : 0;
        };
    }

    private static Step signed(String how, int p, int a, int b, Test other) {
        return switch (how) {
            case "eq" -> (t, r) -> r[p] = (int) r[a] == (int) r[b] ? 1 : 0;
            case "ne" -> (t, r) -> r[p] = (int) r[a] != (int) r[b] ? 1 : 0;
            case "lt" -> (t, r) -> r[p] = (int) r[a] < (int) r[b] ? 1 : 0;
            case "le" -> (t, r) -> r[p] = (int) r[a] <= (int) r[b] ? 1 : 0;
            case "gt" -> (t, r) -> r[p] = (int) r[a] > (int) r[b] ? 1 : 0;
            case "ge" -> (t, r) -> r[p] = (int) r[a] >= (int) r[b] ? 1 : 0;
            default -> (t, r) -> r[p] = other.of(r, a, b) ? 1 : 0;
        };
    }

    private static Step single(String how, int p, int a, int b, Test other) {
        return switch (how) {
            case "lt" -> (t, r) -> r[p] = Float.intBitsToFloat((int) r[a]) < Float.intBitsToFloat((int) r[b]) ? 1 : 0;
            case "gt" -> (t, r) -> r[p] = Float.intBitsToFloat((int) r[a]) > Float.intBitsToFloat((int) r[b]) ? 1 : 0;
            case "le" -> (t, r) -> r[p] = Float.intBitsToFloat((int) r[a]) <= Float.intBitsToFloat((int) r[b]) ? 1 : 0;
            case "ge" -> (t, r) -> r[p] = Float.intBitsToFloat((int) r[a]) >= Float.intBitsToFloat((int) r[b]) ? 1 : 0;
            default -> (t, r) -> r[p] = other.of(r, a, b) ? 1 : 0;
        };
    }

    private static Test test(Statement s, String how, Type type) {
        if (type.floating()) {
            boolean ftz = s.has("ftz");
            Ordered f = floating(s, how);
            return (r, a, b) -> f.of(Half.real(type, r[a], ftz), Half.real(type, r[b], ftz));
        }
        boolean unsigned = type == Type.U64
                || type == Type.B64
                || how.equals("lo")
                || how.equals("ls")
                || how.equals("hi")
                || how.equals("hs");
        Type as = type;
        java.util.function.IntPredicate order = switch (how) {
            case "eq" -> o -> o == 0;
            case "ne" -> o -> o != 0;
            case "lt", "lo" -> o -> o < 0;
            case "le", "ls" -> o -> o <= 0;
            case "gt", "hi" -> o -> o > 0;
            case "ge", "hs" -> o -> o >= 0;
            default -> throw s.unknown("comparison ." + how);
        };
        return unsigned
                ? (r, a, b) -> order.test(Long.compareUnsigned(as.value(r[a]), as.value(r[b])))
                : (r, a, b) -> order.test(Long.compare(as.value(r[a]), as.value(r[b])));
    }

    private interface Ordered {
        boolean of(double x, double y);
    }

    private static Ordered floating(Statement s, String how) {
        return switch (how) {
            case "eq" -> (x, y) -> x == y;
            case "ne" -> (x, y) -> x < y || x > y;
            case "lt" -> (x, y) -> x < y;
            case "le" -> (x, y) -> x <= y;
            case "gt" -> (x, y) -> x > y;
            case "ge" -> (x, y) -> x >= y;
            case "equ" -> (x, y) -> !(x < y || x > y);
            case "neu" -> (x, y) -> x != y;
            case "ltu" -> (x, y) -> !(x >= y);
            case "leu" -> (x, y) -> !(x > y);
            case "gtu" -> (x, y) -> !(x <= y);
            case "geu" -> (x, y) -> !(x < y);
            case "num" -> (x, y) -> x == x && y == y;
            case "nan" -> (x, y) -> x != x || y != y;
            default -> throw s.unknown("comparison ." + how);
        };
    }

    private static Step set(Statement s, Coder c) {
        Type[] types = s.types();
        if (types.length != 2 || types[1].name().endsWith("X2")) throw s.unknown("types");
        boolean and = s.has("and"), or = s.has("or"), xor = s.has("xor");
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), types[1]), b = c.in(s.operand(2), types[1]);
        int e = and || or || xor ? c.in(s.operand(3), Type.PRED) : -1;
        Test test = test(s, s.words()[1], types[1]);
        long yes = switch (types[0]) {
            case F32 -> Float.floatToRawIntBits(1f);
            case F16 -> 0x3c00;
            case BF16 -> 0x3f80;
            default -> -1;
        };
        return (t, r) -> {
            boolean x = test.of(r, a, b);
            if (e >= 0) x = and ? x && r[e] != 0 : or ? x || r[e] != 0 : x != (r[e] != 0);
            r[d] = x ? yes : 0;
        };
    }

    private static Step selp(Statement s, Coder c) {
        s.only();
        Type type = s.type();
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), type),
                b = c.in(s.operand(2), type),
                p = c.in(s.operand(3), Type.PRED);
        return (t, r) -> r[d] = r[p] != 0 ? r[a] : r[b];
    }

    private static Step slct(Statement s, Coder c) {
        s.only("ftz");
        Type[] types = s.types();
        int d = c.out(s.operand(0)),
                a = c.in(s.operand(1), types[0]),
                b = c.in(s.operand(2), types[0]),
                e = c.in(s.operand(3), types[1]);
        if (types[1] == Type.S32) return (t, r) -> r[d] = (int) r[e] >= 0 ? r[a] : r[b];
        return (t, r) -> r[d] = Float.intBitsToFloat((int) r[e]) >= 0 ? r[a] : r[b];
    }
}
