package dev.outrider.decode.device.cuda.ptx;

import java.util.List;

/** What an instruction is given, names resolved to registers and variables where they are those. */
sealed interface Operand {
    /** A slot of the function's registers. */
    record Register(int slot, Type type, String name) implements Operand {}

    /** {@code %tid.x} and its like. */
    record Special(String name) implements Operand {}

    /** A variable of the module, of the function or of a call. */
    record Reference(Variable variable) implements Operand {}

    /** A label, a function, or {@code _}. */
    record Name(String name) implements Operand {}

    /** An integer. */
    record Whole(long value) implements Operand {}

    /** A floating literal: the double, and its exact bits where the literal gave those of an f32. */
    record Real(double value, boolean single, int bits) implements Operand {}

    /** {@code {a, b}}, and the lists of a call. */
    record Pack(List<Operand> parts) implements Operand {}

    /** {@code [base + offset]}. */
    record Address(Operand base, long offset) implements Operand {}

    /** {@code a|b}: a result and a predicate. */
    record Both(Operand first, Operand second) implements Operand {}

    /** {@code !p}, or -x. */
    record Not(Operand of) implements Operand {}
}
