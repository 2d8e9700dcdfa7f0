package dev.outrider.decode.device.cuda.ptx;

import dev.outrider.decode.device.cuda.ptx.Module.Function;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Branches, calls, ends, barriers, and all that threads of a warp do together: what ends a stretch. */
final class FlowOps {
    private static final List<String> NAMES = List.of(
            "bra",
            "brx",
            "call",
            "ret",
            "exit",
            "trap",
            "brkpt",
            "bar",
            "barrier",
            "shfl",
            "vote",
            "match",
            "redux",
            "elect",
            "mma",
            "ldmatrix");

    private FlowOps() {}

    static boolean ends(Statement s) {
        return NAMES.contains(s.name());
    }

    static boolean touches(Statement s) {
        return List.of("ld", "ldu", "st", "atom", "red", "cp").contains(s.name());
    }

    /** @param stretchOf the stretch of a statement; next: the stretch that follows */
    static Step.Flow of(Statement s, Coder c, IntUnaryOperator stretchOf, int next) {
        return switch (s.name()) {
            case "bra" -> {
                s.only("uni");
                int target = target(s, s.operand(0), stretchOf);
                yield (t, r) -> target;
            }
            case "brx" -> table(s, c, stretchOf);
            case "call" -> call(s, c, next);
            case "ret" -> {
                s.only("uni");
                yield (t, r) -> t.end(false);
            }
            case "exit" -> (t, r) -> t.end(true);
            case "trap", "brkpt" ->
                (t, r) -> {
                    throw new PtxFault("the kernel gave up");
                };
            case "bar", "barrier" -> barrier(s, c, next);
            case "mma", "ldmatrix" -> MatrixOps.of(s, c, next);
            default -> WarpOps.of(s, c, next);
        };
    }

    private static int target(Statement s, Operand operand, IntUnaryOperator stretchOf) {
        if (!(operand instanceof Operand.Name label)) throw s.unknown("no label");
        return target(s, label.name(), stretchOf);
    }

    private static int target(Statement s, String label, IntUnaryOperator stretchOf) {
        int at = s.scope().label(label);
        if (at < 0) throw s.unknown("unknown label " + label);
        return stretchOf.applyAsInt(at);
    }

    private static Step.Flow table(Statement s, Coder c, IntUnaryOperator stretchOf) {
        s.only("idx", "uni");
        int a = c.in(s.operand(0), Type.U32);
        String[] labels = s.operand(1) instanceof Operand.Name n ? s.scope().table(n.name()) : null;
        if (labels == null) throw s.unknown("unknown table");
        int[] targets = new int[labels.length];
        for (int i = 0; i < targets.length; i++) targets[i] = target(s, labels[i], stretchOf);
        return (t, r) -> {
            int i = (int) r[a];
            if (i < 0 || i >= targets.length) throw new PtxFault("no target " + i + " of " + targets.length);
            return targets[i];
        };
    }

    /** {@code call (results), function, (arguments);} */
    private static Step.Flow call(Statement s, Coder c, int next) {
        s.only("uni");
        boolean gives = s.operand(0) instanceof Operand.Pack;
        int name = gives ? 1 : 0;
        if (!(s.operand(name) instanceof Operand.Name n)) throw s.unknown("a call through a register is unknown");
        List<Variable> taken = gives ? c.list(s.operand(0)) : List.of();
        List<Variable> given = s.operands().size() > name + 1 ? c.list(s.operand(name + 1)) : List.of();
        Function callee = c.functions.get(n.name());
        if (callee == null) throw s.unknown("unknown function " + n.name());
        if (!callee.body) return Library.of(s, c, n.name(), given);
        if (given.size() != callee.parameters.size() || taken.size() != callee.results.size())
            throw s.unknown("not as declared");
        for (int i = 0; i < given.size(); i++) {
            if (given.get(i).bytes != callee.parameters.get(i).bytes)
                throw s.unknown("argument " + i + " has another size");
        }
        Code.Call call = c.call(callee, given, taken);
        return (t, r) -> t.call(call, next);
    }

    /** bar.sync, bar.arrive, bar.red, barrier.*; without a number of threads: all of the block's, ended ones too. */
    private static Step.Flow barrier(Statement s, Coder c, int next) {
        if (s.begins("bar", "warp", "sync")) {
            int mask = c.in(s.operand(0), Type.B32);
            return (t, r) -> t.meet(WarpOp.BARRIER, s, (int) r[mask], next);
        }
        s.only("cta", "sync", "arrive", "red", "popc", "and", "or", "aligned");
        boolean red = s.has("red"), arrive = s.has("arrive");
        int at = red ? 1 : 0, operands = s.operands().size(), plain = at + (red ? 2 : 1);
        int id = c.in(s.operand(at), Type.U32);
        int count = operands > plain ? c.in(s.operand(at + 1), Type.U32) : -1;
        int p = red ? c.in(s.operand(operands - 1), Type.PRED) : -1, d = red ? c.out(s.operand(0)) : -1;
        char how = !red ? 0 : s.has("popc") ? '+' : s.has("and") ? '&' : '|';
        return (t, r) -> {
            t.stretch = next;
            t.at = s;
            t.cta.barriers.arrive(t, (int) r[id], count < 0 ? -1 : (int) r[count], arrive, how, d, p >= 0 && r[p] != 0);
            return t.state == Lane.State.BARRIER ? Step.Flow.PAUSE : next;
        };
    }
}
