package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/** A function, decoded: stretches of steps, and the slots that are set when it is entered. */
final class Code {
    /** Steps with their lines, and what comes after them. */
    record Stretch(Step[] steps, Statement[] lines, Step.Flow flow, Statement last) {}

    /** A slot that depends on the thread. */
    record Given(int slot, ToLongFunction<Lane> value) {}

    final String name;
    final int frame;
    Stretch[] stretches;
    /** Zeros for the registers, then the constants. */
    long[] template;

    List<Given> given;
    /** Shared variables that it names, and functions that it calls. */
    List<Variable> shared;

    List<Call> calls;

    Code(String name, int frame) {
        this.name = name;
        this.frame = frame;
    }

    void fill(Lane t, long[] r) {
        System.arraycopy(template, 0, r, 0, template.length);
        for (int i = 0; i < given.size(); i++) {
            Given g = given.get(i);
            r[g.slot] = g.value.applyAsLong(t);
        }
    }

    /** A call: the callee, decoded when first needed, and which bytes of the frames go over and come back. */
    static final class Call {
        private final Supplier<Code> callee;
        private final List<Variable> given, parameters, taken, results;

        Call(
                Supplier<Code> callee,
                List<Variable> given,
                List<Variable> parameters,
                List<Variable> taken,
                List<Variable> results) {
            this.callee = callee;
            this.given = given;
            this.parameters = parameters;
            this.taken = taken;
            this.results = results;
        }

        Code code() {
            return callee.get();
        }

        void give(MemorySegment local, int from, int to) {
            for (int i = 0; i < given.size(); i++) copy(local, from, given.get(i), to, parameters.get(i));
        }

        void take(MemorySegment local, int to, int from) {
            for (int i = 0; i < taken.size(); i++) copy(local, from, results.get(i), to, taken.get(i));
        }

        private static void copy(MemorySegment local, int from, Variable source, int to, Variable target) {
            MemorySegment.copy(local, from + source.at, local, to + target.at, target.bytes);
        }
    }
}
