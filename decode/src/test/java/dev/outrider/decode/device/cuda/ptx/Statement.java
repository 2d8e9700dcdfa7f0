package dev.outrider.decode.device.cuda.ptx;

import java.util.Arrays;
import java.util.List;

/**
 * One instruction as it is written.
 *
 * @param words the opcode at its dots
 * @param guard the predicate's slot, or -1
 * @param negated whether the guard is {@code @!p}
 */
record Statement(
        String[] words, int guard, boolean negated, List<Operand> operands, int line, String text, Scope scope) {

    String name() {
        return words[0];
    }

    boolean has(String word) {
        return Arrays.asList(words).contains(word);
    }

    /** Whether the opcode is these words, or begins with them. */
    boolean begins(String... first) {
        return words.length >= first.length && Arrays.equals(words, 0, first.length, first, 0, first.length);
    }

    /** The types that the opcode names, in their order. */
    Type[] types() {
        return Arrays.stream(words)
                .skip(1)
                .map(Type::named)
                .filter(t -> t != null)
                .toArray(Type[]::new);
    }

    /** The last type that the opcode names. */
    Type type() {
        Type[] types = types();
        if (types.length == 0) throw unknown("no type");
        return types[types.length - 1];
    }

    Operand operand(int i) {
        if (i >= operands.size()) throw unknown("no operand " + i);
        return operands.get(i);
    }

    PtxFault unknown(String what) {
        return new PtxFault("PTX line " + line + ": " + what + " in: " + text);
    }

    /** Fails unless every word after the first is among these or names a type. */
    void only(String... known) {
        for (int i = 1; i < words.length; i++) {
            if (Type.named(words[i]) == null && !Arrays.asList(known).contains(words[i]))
                throw unknown("unknown ." + words[i]);
        }
    }
}
