package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.ValueLayout;
import java.util.List;

/** The functions that the driver has: printf and assert are failures here, with their text; others are unknown. */
final class Library {
    private Library() {}

    static Step.Flow of(Statement s, Coder c, String name, List<Variable> given) {
        return switch (name) {
            case "vprintf" ->
                (t, r) -> {
                    long format = argument(t, given.get(0)), values = argument(t, given.get(1));
                    throw new PtxFault("printf: " + printed(t, text(t, format), values));
                };
            case "__assertfail" ->
                (t, r) -> {
                    String what = text(t, argument(t, given.get(0))), file = text(t, argument(t, given.get(1)));
                    throw new PtxFault(
                            "assertion failed: " + what + ", " + file + ":" + (int) argument(t, given.get(2)));
                };
            default -> throw s.unknown("unknown function " + name);
        };
    }

    private static long argument(Lane t, Variable v) {
        long at = t.frame + v.at;
        return v.bytes == 8 ? t.local.get(MemoryOps.LONG, at) : t.local.get(MemoryOps.INT, at);
    }

    private static String text(Lane t, long address) {
        StringBuilder out = new StringBuilder();
        for (long at = address; ; at++) {
            byte c = PtxMemory.ALL.get(ValueLayout.JAVA_BYTE, t.at(Space.GENERIC, at, 1, Access.READ));
            if (c == 0) return out.toString();
            out.append((char) (c & 0xff));
        }
    }

    /** The format with its values: floats as doubles, 32-bit integers at multiples of 4, all else at multiples of 8. */
    private static String printed(Lane t, String format, long values) {
        StringBuilder out = new StringBuilder();
        java.util.regex.Matcher m = java.util.regex.Pattern.compile("%([-+ #0-9.]*)(hh|h|ll|l|z|)([a-zA-Z%])")
                .matcher(format);
        long at = values;
        int end = 0;
        while (m.find()) {
            out.append(format, end, m.start());
            end = m.end();
            char kind = m.group(3).charAt(0);
            if (kind == '%') {
                out.append('%');
                continue;
            }
            boolean wide = "fFeEgGaAsp".indexOf(kind) >= 0
                    || m.group(2).equals("ll")
                    || m.group(2).equals("l")
                    || m.group(2).equals("z");
            int bytes = wide ? 8 : 4;
            at = (at + bytes - 1) / bytes * bytes;
            long bits = MemoryOps.get(wide ? Type.S64 : Type.S32, t.at(Space.GENERIC, at, bytes, Access.READ));
            at += bytes;
            out.append(
                    switch (kind) {
                        case 'f', 'F', 'e', 'E', 'g', 'G', 'a', 'A' -> String.valueOf(Double.longBitsToDouble(bits));
                        case 's' -> text(t, bits);
                        case 'c' -> String.valueOf((char) bits);
                        case 'x', 'X', 'p' -> Long.toHexString(wide ? bits : bits & 0xffffffffL);
                        case 'u' -> Long.toUnsignedString(wide ? bits : bits & 0xffffffffL);
                        default -> String.valueOf(bits);
                    });
        }
        return out.append(format.substring(end)).toString().strip();
    }
}
