package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A few instructions as a kernel: sources %a, %b, %c, %e and result %d, one thread a case. */
final class Snippet {
    private final PtxMachine machine;

    /** @param to, from: types of registers, such as b32, f64, pred */
    Snippet(String instructions, String to, String... from) {
        StringBuilder text = new StringBuilder("""
                .version 8.8
                .target sm_90
                .address_size 64
                .visible .entry test(.param .u64 in, .param .u64 out, .param .u32 n)
                {
                .reg .b64 %x, %y, %z;
                .reg .b32 %i, %n;
                .reg .pred %past, %p, %q;
                """);
        text.append(".reg .").append(to).append(" %d;\n");
        for (int k = 0; k < from.length; k++) text.append(".reg .%s %%%c;\n".formatted(from[k], "abce".charAt(k)));
        text.append("""
                mov.u32 %i, %tid.x;
                ld.param.u32 %n, [n];
                setp.ge.u32 %past, %i, %n;
                @%past bra END;
                ld.param.u64 %x, [in];
                ld.param.u64 %y, [out];
                mul.wide.u32 %z, %i, 32;
                add.u64 %x, %x, %z;
                mul.wide.u32 %z, %i, 8;
                add.u64 %y, %y, %z;
                """);
        for (int k = 0; k < from.length; k++) text.append(loaded(from[k], "abce".charAt(k), 8 * k));
        text.append(instructions).append('\n').append(stored(to)).append("END: ret;\n}\n");
        machine = PtxMachine.of(text.toString());
    }

    private static String loaded(String type, char name, int at) {
        return switch (Type.named(type).bytes) {
            case 2 -> "ld.global.b16 %" + name + ", [%x+" + at + "];\n";
            case 4 -> "ld.global.b32 %" + name + ", [%x+" + at + "];\n";
            case 8 -> "ld.global.b64 %" + name + ", [%x+" + at + "];\n";
            default -> "ld.global.b32 %n, [%x+" + at + "];\nsetp.ne.u32 %" + name + ", %n, 0;\n";
        };
    }

    private static String stored(String type) {
        return switch (Type.named(type).bytes) {
            case 2 -> "st.global.b64 [%y], 0;\nst.global.b16 [%y], %d;\n";
            case 4 -> "st.global.b64 [%y], 0;\nst.global.b32 [%y], %d;\n";
            case 8 -> "st.global.b64 [%y], %d;\n";
            default -> "selp.b64 %z, 1, 0, %d;\nst.global.b64 [%y], %z;\n";
        };
    }

    /** The results' bits, zeros above the type's. */
    long[] run(long[]... cases) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate(32L * cases.length, 256), out = arena.allocate(8L * cases.length, 256);
            for (int i = 0; i < cases.length; i++) {
                for (int k = 0; k < cases[i].length; k++) in.setAtIndex(ValueLayout.JAVA_LONG, 4 * i + k, cases[i][k]);
            }
            machine.memory(in.address(), in.byteSize()).memory(out.address(), out.byteSize());
            try {
                for (int at = 0; at < cases.length; at += 1024) {
                    int count = Math.min(1024, cases.length - at);
                    machine.launch("test", 1, count, 0, in.address() + 32L * at, out.address() + 8L * at, count);
                }
            } finally {
                machine.memory().remove(in.address()).remove(out.address());
            }
            return out.toArray(ValueLayout.JAVA_LONG);
        }
    }

    long of(long... sources) {
        return run(sources)[0];
    }

    float ofFloats(float... sources) {
        long[] bits = new long[sources.length];
        for (int i = 0; i < bits.length; i++) bits[i] = Float.floatToRawIntBits(sources[i]) & 0xffffffffL;
        return Float.intBitsToFloat((int) of(bits));
    }
}
