package dev.outrider.decode.device.cuda.ptx;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A PTX text, parsed. */
final class Module {
    final Map<String, Function> functions = new LinkedHashMap<>();
    /** Of the state spaces global, const and shared, outside of functions and in them. */
    final List<Variable> variables = new ArrayList<>();
    /** The number of {@code .target sm_90}. */
    int target;

    /** A kernel or a device function; without a body where it is only declared. */
    static final class Function {
        final String name;
        final boolean kernel;
        final List<Variable> parameters = new ArrayList<>(), results = new ArrayList<>();
        final List<Statement> statements = new ArrayList<>();
        final int line;
        boolean body;
        int registers;
        final BitSet predicates = new BitSet();
        /** Bytes of local memory that a call of it takes: local variables, its parameters, and those of its calls. */
        int frame;
        /** The most threads of a block, or -1. */
        int threads = -1;
        /** Whether {@link #threads} are the only number allowed. */
        boolean exactly;

        Function(String name, boolean kernel, int line) {
            this.name = name;
            this.kernel = kernel;
            this.line = line;
        }

        int parameterBytes() {
            long end = 0;
            for (Variable p : parameters) end = Math.max(end, p.at + p.bytes);
            return Math.toIntExact(end);
        }
    }
}
