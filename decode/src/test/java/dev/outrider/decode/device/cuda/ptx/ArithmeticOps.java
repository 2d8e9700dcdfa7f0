package dev.outrider.decode.device.cuda.ptx;

/** Which family an instruction that goes on to the next belongs to. */
final class ArithmeticOps {
    private ArithmeticOps() {}

    static Step of(Statement s, Coder c) {
        return switch (s.name()) {
            case "add", "sub", "mul", "mad", "div", "min", "max", "neg", "abs" ->
                floating(s) ? FloatOps.of(s, c) : IntegerOps.of(s, c);
            case "fma", "rcp", "sqrt", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh", "copysign", "testp" ->
                FloatOps.of(s, c);
            case "setp", "set", "selp", "slct" -> CompareOps.of(s, c);
            case "mov", "cvt", "cvta", "isspacep" -> ConvertOps.of(s, c);
            case "ld", "ldu", "st", "prefetch", "prefetchu", "applypriority", "discard" -> MemoryOps.of(s, c);
            case "atom", "red" -> AtomicOps.of(s, c);
            case "cp" -> MemoryOps.copy(s, c);
            case "membar", "fence" -> MemoryOps.fence(s, c);
            case "activemask" -> {
                int d = c.out(s.operand(0));
                yield (t, r) -> r[d] = 1L << t.lane(); // of the threads that run together a card may name any
            }
            case "nanosleep" -> (t, r) -> {};
            default -> IntegerOps.of(s, c);
        };
    }

    private static boolean floating(Statement s) {
        return s.type().floating();
    }
}
