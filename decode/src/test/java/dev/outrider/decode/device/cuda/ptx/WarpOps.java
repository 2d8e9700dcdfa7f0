package dev.outrider.decode.device.cuda.ptx;

/** shfl, vote, match, redux, elect: PTX ISA 9.7.9.6, 9.7.13. */
final class WarpOps {
    private WarpOps() {}

    static Step.Flow of(Statement s, Coder c, int next) {
        if (!s.has("sync")) throw s.unknown("without .sync");
        return switch (s.name()) {
            case "shfl" -> shuffle(s, c, next);
            case "vote" -> vote(s, c, next);
            case "match" -> match(s, c, next);
            case "redux" -> redux(s, c, next);
            default -> elect(s, c, next);
        };
    }

    private static Step.Flow shuffle(Statement s, Coder c, int next) {
        s.only("sync", "up", "down", "bfly", "idx");
        String mode = s.words()[2];
        boolean both = s.operand(0) instanceof Operand.Both;
        int d = c.out(both ? ((Operand.Both) s.operand(0)).first() : s.operand(0));
        int p = both ? c.out(((Operand.Both) s.operand(0)).second()) : c.scratch();
        int a = c.in(s.operand(1), Type.B32),
                b = c.in(s.operand(2), Type.U32),
                e = c.in(s.operand(3), Type.U32),
                m = c.in(s.operand(4), Type.B32);
        WarpOp op = (lanes, mask) -> {
            long[] values = new long[32];
            for (int i = 0; i < 32; i++) if (lanes[i] != null) values[i] = lanes[i].r[a];
            for (int i = 0; i < 32; i++) {
                if (lanes[i] == null) continue;
                long[] r = lanes[i].r;
                int from = source(mode, i, (int) r[b] & 31, (int) r[e]);
                boolean within = from >= 0;
                if (!within) from = i;
                if (lanes[from] == null) {
                    throw new PtxFault("lane " + i + " reads lane " + from + ", which does not take part");
                }
                r[d] = values[from];
                r[p] = within ? 1 : 0;
            }
        };
        return (t, r) -> t.meet(op, s, (int) r[m], next);
    }

    /** The lane to read, or -1 where that is outside of the segment. */
    static int source(String mode, int lane, int b, int clamp) {
        int segment = clamp >> 8 & 31, limit = clamp & 31;
        int most = lane & segment | limit & ~segment, least = lane & segment;
        return switch (mode) {
            case "up" -> lane - b >= most ? lane - b : -1;
            case "down" -> lane + b <= most ? lane + b : -1;
            case "bfly" -> (lane ^ b) <= most ? lane ^ b : -1;
            default -> {
                int from = least | b & ~segment;
                yield from <= most ? from : -1;
            }
        };
    }

    private static Step.Flow vote(Statement s, Coder c, int next) {
        s.only("sync", "all", "any", "uni", "ballot");
        String mode = s.words()[2];
        int d = c.out(s.operand(0)), p = c.in(s.operand(1), Type.PRED), m = c.in(s.operand(2), Type.B32);
        WarpOp op = (lanes, mask) -> {
            int yes = 0;
            for (int i = 0; i < 32; i++) if (lanes[i] != null && lanes[i].r[p] != 0) yes |= 1 << i;
            int there = present(lanes);
            long out = switch (mode) {
                case "all" -> yes == there ? 1 : 0;
                case "any" -> yes != 0 ? 1 : 0;
                case "uni" -> yes == there || yes == 0 ? 1 : 0;
                default -> yes;
            };
            give(lanes, d, out);
        };
        return (t, r) -> t.meet(op, s, (int) r[m], next);
    }

    private static int present(Lane[] lanes) {
        int there = 0;
        for (int i = 0; i < 32; i++) if (lanes[i] != null) there |= 1 << i;
        return there;
    }

    private static void give(Lane[] lanes, int d, long value) {
        for (Lane t : lanes) if (t != null) t.r[d] = value;
    }

    private static Step.Flow match(Statement s, Coder c, int next) {
        s.only("sync", "any", "all");
        boolean all = s.has("all"), both = s.operand(0) instanceof Operand.Both;
        Type type = s.type();
        int d = c.out(both ? ((Operand.Both) s.operand(0)).first() : s.operand(0));
        int p = both ? c.out(((Operand.Both) s.operand(0)).second()) : c.scratch();
        int a = c.in(s.operand(1), type), m = c.in(s.operand(2), Type.B32);
        WarpOp op = (lanes, mask) -> {
            int[] same = new int[32];
            for (int i = 0; i < 32; i++) {
                for (int j = 0; j < 32; j++) {
                    if (lanes[i] != null && lanes[j] != null && type.value(lanes[i].r[a]) == type.value(lanes[j].r[a]))
                        same[i] |= 1 << j;
                }
            }
            int there = present(lanes);
            for (int i = 0; i < 32; i++) {
                if (lanes[i] == null) continue;
                lanes[i].r[p] = same[i] == there ? 1 : 0;
                lanes[i].r[d] = all && same[i] != there ? 0 : same[i];
            }
        };
        return (t, r) -> t.meet(op, s, (int) r[m], next);
    }

    private static Step.Flow redux(Statement s, Coder c, int next) {
        s.only("sync", "add", "min", "max", "and", "or", "xor", "abs", "NaN");
        Type type = s.type();
        String how = s.words()[2];
        int d = c.out(s.operand(0)), a = c.in(s.operand(1), type), m = c.in(s.operand(2), Type.B32);
        if (s.has("abs")) throw s.unknown(".abs");
        boolean real = type == Type.F32, spreads = s.has("NaN");
        WarpOp op = (lanes, mask) -> {
            boolean first = true;
            long out = 0;
            for (Lane t : lanes) {
                if (t == null) continue;
                long x = type.value(t.r[a]);
                out = first ? x : real ? floats(how, spreads, out, x) : AtomicOps.whole(how, type, out, x, 0);
                first = false;
            }
            give(lanes, d, out);
        };
        return (t, r) -> t.meet(op, s, (int) r[m], next);
    }

    private static long floats(String how, boolean spreads, long a, long b) {
        float x = Float.intBitsToFloat((int) a), y = Float.intBitsToFloat((int) b);
        if (x != x || y != y) return spreads ? 0x7fffffff : x != x ? b : a;
        return Float.floatToRawIntBits(how.equals("min") ? Math.min(x, y) : Math.max(x, y)) & 0xffffffffL;
    }

    /** elect.sync d|p, mask: the lowest lane. */
    private static Step.Flow elect(Statement s, Coder c, int next) {
        if (!(s.operand(0) instanceof Operand.Both both)) throw s.unknown("no predicate");
        int d = c.out(both.first()), p = c.out(both.second()), m = c.in(s.operand(1), Type.B32);
        WarpOp op = (lanes, mask) -> {
            int chosen = Integer.numberOfTrailingZeros(present(lanes));
            give(lanes, d, chosen);
            give(lanes, p, 0);
            lanes[chosen].r[p] = 1;
        };
        return (t, r) -> t.meet(op, s, (int) r[m], next);
    }
}
