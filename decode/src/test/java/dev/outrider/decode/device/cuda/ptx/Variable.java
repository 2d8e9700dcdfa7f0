package dev.outrider.decode.device.cuda.ptx;

import java.util.List;

/** A variable in memory. */
final class Variable {
    /** The state space: parameters of kernels and of functions are two. */
    enum Space {
        GLOBAL,
        CONST,
        SHARED,
        LOCAL,
        PARAM,
        FRAME
    }

    final String name;
    final Space space;
    final Type type;
    final int align;
    /** -1: an array without size, which is the launch's dynamic shared memory. */
    final long bytes;
    /** Whole or Real numbers, or names of variables as {@link Initial}. */
    final List<Initial> initial;
    /** Native address, or offset in its space or frame. */
    long at;

    /** A value of an initialiser; a symbol's address plus the number if there is a symbol. */
    record Initial(String symbol, boolean generic, long number) {}

    Variable(String name, Space space, Type type, int align, long bytes, List<Initial> initial) {
        this.name = name;
        this.space = space;
        this.type = type;
        this.align = align;
        this.bytes = bytes;
        this.initial = initial;
    }
}
