package dev.outrider.decode.device.cuda.ptx;

import dev.outrider.decode.device.cuda.ptx.Module.Function;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Decodes a function: every operand becomes a slot, every instruction a {@link Step} or what ends a stretch. */
final class Coder {
    /** What a register holds before it is written: NaNs and wild addresses. */
    private static final long GARBAGE = 0x7ff4dead7fa0beefL;

    final Function function;
    private final Map<String, Supplier<Code>> callees;
    final Map<String, Function> functions;
    private final Map<String, Variable> variables;
    private final Map<Long, Integer> constants = new HashMap<>();
    private final Map<String, Integer> specials = new HashMap<>();
    private final Map<Variable, Integer> frames = new HashMap<>();
    private final List<Code.Given> given = new ArrayList<>();
    private final List<Variable> shared = new ArrayList<>();
    private final List<Code.Call> calls = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final List<Statement> lines = new ArrayList<>();
    private final boolean profile;
    private int slots;
    private int carry = -1;
    private Statement now;

    Coder(
            Module module,
            Function function,
            Map<String, Supplier<Code>> callees,
            Map<String, Variable> variables,
            boolean profile) {
        this.function = function;
        this.functions = module.functions;
        this.callees = callees;
        this.variables = variables;
        this.profile = profile;
        slots = function.registers;
    }

    Code code() {
        List<Statement> statements = function.statements;
        int[] stretchOf = stretches(statements);
        List<Code.Stretch> stretches = new ArrayList<>();
        for (int i = 0; i < statements.size(); i++) {
            Statement s = now = statements.get(i);
            int after = i + 1;
            if (FlowOps.ends(s)) {
                Step.Flow flow = FlowOps.of(s, this, label -> stretchOf[label], stretchOf[after]);
                close(stretches, guarded(s, flow, stretchOf[after]), s);
            } else {
                step(s);
                if (stretchOf[after] != stretchOf[i]) {
                    int next = stretchOf[after];
                    close(stretches, (t, r) -> next, s);
                }
            }
        }
        Statement end = new Statement(
                new String[] {"ret"},
                -1,
                false,
                List.of(),
                lastLine(statements),
                "(end of " + function.name + ")",
                null);
        close(stretches, (t, r) -> t.end(false), end);
        Code code = new Code(function.name, function.frame);
        code.stretches = stretches.toArray(Code.Stretch[]::new);
        code.given = given;
        code.shared = shared;
        code.calls = calls;
        code.template = new long[slots];
        java.util.Arrays.fill(code.template, 0, function.registers, GARBAGE);
        function.predicates.stream().forEach(p -> code.template[p] = 0);
        constants.forEach((value, slot) -> code.template[slot] = value);
        return code;
    }

    private int lastLine(List<Statement> statements) {
        return statements.isEmpty() ? function.line : statements.getLast().line();
    }

    /** The stretch of every statement, and of the end. */
    private static int[] stretches(List<Statement> statements) {
        boolean[] begins = new boolean[statements.size() + 1];
        begins[statements.size()] = true;
        for (int i = 0; i < statements.size(); i++) {
            Statement s = statements.get(i);
            if (FlowOps.ends(s)) begins[i + 1] = true;
            for (Scope scope = s.scope(); scope != null; scope = scope.outer) {
                for (int at : scope.labels.values()) begins[at] = true;
            }
        }
        int[] out = new int[begins.length];
        for (int i = 1; i < out.length; i++) out[i] = out[i - 1] + (begins[i] ? 1 : 0);
        return out;
    }

    private void close(List<Code.Stretch> into, Step.Flow flow, Statement last) {
        into.add(new Code.Stretch(steps.toArray(Step[]::new), lines.toArray(Statement[]::new), flow, last));
        steps.clear();
        lines.clear();
    }

    private void step(Statement s) {
        Step step = ArithmeticOps.of(s, this);
        if (step == null) throw s.unknown("unknown instruction");
        emit(guarded(s, profile && FlowOps.touches(s) ? at(s, step) : step));
    }

    private static Step at(Statement s, Step step) {
        return (t, r) -> {
            t.site = s;
            step.run(t, r);
        };
    }

    /** A step before the one that is being decoded. */
    void emit(Step step) {
        steps.add(step);
        lines.add(now);
    }

    private static Step guarded(Statement s, Step step) {
        int p = s.guard();
        if (p < 0) return step;
        if (s.negated()) {
            return (t, r) -> {
                if (r[p] == 0) step.run(t, r);
            };
        }
        return (t, r) -> {
            if (r[p] != 0) step.run(t, r);
        };
    }

    private static Step.Flow guarded(Statement s, Step.Flow flow, int after) {
        int p = s.guard();
        if (p < 0) return flow;
        return s.negated()
                ? (t, r) -> r[p] == 0 ? flow.next(t, r) : after
                : (t, r) -> r[p] != 0 ? flow.next(t, r) : after;
    }

    int scratch() {
        return slots++;
    }

    int constant(long value) {
        return constants.computeIfAbsent(value, v -> slots++);
    }

    int carry() {
        if (carry < 0) carry = scratch();
        return carry;
    }

    /** The slot of a result; {@code _} is one that nobody reads. */
    int out(Operand operand) {
        return switch (operand) {
            case Operand.Register r -> r.slot();
            case Operand.Name n when n.name().equals("_") -> scratch();
            default -> throw now.unknown("no register for a result: " + operand);
        };
    }

    /** The slot of a source of that type. */
    int in(Operand operand, Type type) {
        return switch (operand) {
            case Operand.Register r -> {
                if (r.type().bytes < type.bytes) throw now.unknown(r.name() + " is too narrow for " + type);
                yield r.slot();
            }
            case Operand.Whole w -> {
                if (type == Type.F32 || type == Type.F64) throw now.unknown("an integer for a float");
                yield constant(w.value());
            }
            case Operand.Real real -> constant(bits(real, type));
            case Operand.Special special -> special(special.name());
            case Operand.Reference reference -> reference(reference.variable());
            case Operand.Not not -> negated(not, type);
            case Operand.Name name -> {
                Variable variable = variables.get(name.name()); // declared below
                if (variable == null) throw now.unknown("unknown name " + name.name());
                yield reference(variable);
            }
            default -> throw now.unknown("no source: " + operand);
        };
    }

    private long bits(Operand.Real real, Type type) {
        return switch (type) {
            case F64, B64, U64, S64 -> Double.doubleToRawLongBits(real.value());
            case F16 -> Half.f16(real.value());
            case BF16 -> Half.bf16(real.value());
            default -> real.single() ? real.bits() : Float.floatToRawIntBits((float) real.value());
        };
    }

    private int negated(Operand.Not not, Type type) {
        if (type != Type.PRED) throw now.unknown("! before what is no predicate");
        int a = in(not.of(), type), d = scratch();
        emit((t, r) -> r[d] = r[a] ^ 1);
        return d;
    }

    private int special(String name) {
        return specials.computeIfAbsent(name, n -> {
            int slot = scratch();
            java.util.function.ToLongFunction<Lane> value = Specials.of(n);
            if (value == null) throw now.unknown("unknown register " + n);
            given.add(new Code.Given(slot, value));
            return slot;
        });
    }

    private int reference(Variable v) {
        if (v.space == Variable.Space.SHARED && !shared.contains(v)) shared.add(v);
        if (v.space != Variable.Space.LOCAL && v.space != Variable.Space.FRAME) return constant(v.at);
        return frames.computeIfAbsent(v, key -> {
            int slot = scratch();
            given.add(new Code.Given(slot, t -> t.frame + key.at));
            return slot;
        });
    }

    /** The slot of an address: that of 32 bits is widened. */
    int address(Operand base) {
        if (base instanceof Operand.Register r && r.type().bytes == 4) {
            int d = scratch(), a = r.slot();
            emit((t, x) -> x[d] = x[a] & 0xffffffffL);
            return d;
        }
        return in(base, Type.U64);
    }

    Operand.Address pointer(Operand operand) {
        if (operand instanceof Operand.Address address) return address;
        throw now.unknown("no address: " + operand);
    }

    /** The space that the opcode names; a function's parameters lie in its frame. */
    Space space(Statement s, Operand.Address address) {
        Space space = Space.of(s);
        if (space != Space.PARAM) return space;
        if (address.base() instanceof Operand.Reference r)
            return r.variable().space == Variable.Space.PARAM ? Space.PARAM : Space.LOCAL;
        return function.kernel ? Space.PARAM : Space.LOCAL;
    }

    Code.Call call(Function callee, List<Variable> given, List<Variable> taken) {
        Code.Call call = new Code.Call(callees.get(callee.name), given, callee.parameters, taken, callee.results);
        calls.add(call);
        return call;
    }

    /** The variables of a call's list. */
    List<Variable> list(Operand operand) {
        List<Variable> out = new ArrayList<>();
        if (!(operand instanceof Operand.Pack pack)) throw now.unknown("no list");
        for (Operand part : pack.parts()) {
            if (!(part instanceof Operand.Reference r))
                throw now.unknown("registers as a call's arguments are unknown");
            out.add(r.variable());
        }
        return out;
    }
}
