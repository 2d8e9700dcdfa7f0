package dev.outrider.decode.device.cuda.ptx;

import static dev.outrider.decode.device.cuda.ptx.PtxMemory.ALL;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Loads, stores, asynchronous copies, fences: PTX ISA 9.7.9. */
final class MemoryOps {
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final String[] KNOWN = {
        "weak",
        "volatile",
        "relaxed",
        "acquire",
        "release",
        "cta",
        "gpu",
        "sys",
        "cluster",
        "global",
        "shared",
        "shared::cta",
        "local",
        "param",
        "param::entry",
        "param::func",
        "const",
        "nc",
        "ca",
        "cg",
        "cs",
        "lu",
        "cv",
        "wb",
        "wt",
        "v2",
        "v4",
        "v8",
        "L1::evict_normal",
        "L1::evict_unchanged",
        "L1::evict_first",
        "L1::evict_last",
        "L1::no_allocate",
        "L2::64B",
        "L2::128B",
        "L2::256B",
        "L2::evict_normal",
        "L2::evict_first",
        "L2::evict_last"
    };

    private MemoryOps() {}

    static Step of(Statement s, Coder c) {
        return switch (s.name()) {
            case "ld", "ldu" -> load(s, c);
            case "st" -> store(s, c);
            default -> (t, r) -> {}; // a hint for the caches
        };
    }

    /** A value of the type, as loads put it into a register. */
    static long get(Type type, long at) {
        return switch (type) {
            case S8 -> ALL.get(ValueLayout.JAVA_BYTE, at);
            case B8, U8 -> ALL.get(ValueLayout.JAVA_BYTE, at) & 0xff;
            case S16 -> ALL.get(SHORT, at);
            case B16, U16, F16, BF16 -> ALL.get(SHORT, at) & 0xffff;
            case B64, U64, S64, F64 -> ALL.get(LONG, at);
            default -> type == Type.S32 ? ALL.get(INT, at) : ALL.get(INT, at) & 0xffffffffL;
        };
    }

    static void set(Type type, long at, long value) {
        switch (type.bytes) {
            case 1 -> ALL.set(ValueLayout.JAVA_BYTE, at, (byte) value);
            case 2 -> ALL.set(SHORT, at, (short) value);
            case 4 -> ALL.set(INT, at, (int) value);
            default -> ALL.set(LONG, at, value);
        }
    }

    private static List<Operand> parts(Operand operand) {
        return operand instanceof Operand.Pack pack ? pack.parts() : List.of(operand);
    }

    private static void count(Statement s, int parts) {
        int named = s.has("v2") ? 2 : s.has("v4") ? 4 : s.has("v8") ? 8 : 1;
        if (named != parts) throw s.unknown("as many registers as .v says, not " + parts);
        if (s.type() == Type.B128 || s.type() == Type.PRED) throw s.unknown("type");
    }

    private static boolean strong(Statement s) {
        return s.has("volatile") || s.has("relaxed") || s.has("acquire") || s.has("release");
    }

    private static Step load(Statement s, Coder c) {
        s.only(KNOWN);
        Type type = s.type();
        Operand.Address from = c.pointer(s.operand(1));
        Space space = c.space(s, from);
        Access access = strong(s) ? Access.ATOMIC_READ : Access.READ;
        int a = c.address(from.base());
        long offset = from.offset();
        int[] d = parts(s.operand(0)).stream().mapToInt(c::out).toArray();
        count(s, d.length);
        int step = type.bytes, bytes = step * d.length;
        if (d.length == 1) {
            int d0 = d[0];
            if (type == Type.F32 || type == Type.B32 || type == Type.U32 || type == Type.S32) {
                return (t, r) -> r[d0] = ALL.get(INT, t.at(space, r[a] + offset, 4, access));
            }
            if (step == 8) return (t, r) -> r[d0] = ALL.get(LONG, t.at(space, r[a] + offset, 8, access));
            return (t, r) -> r[d0] = get(type, t.at(space, r[a] + offset, step, access));
        }
        if (step == 4) {
            return (t, r) -> {
                long at = t.at(space, r[a] + offset, bytes, access);
                for (int i = 0; i < d.length; i++) r[d[i]] = ALL.get(INT, at + 4L * i);
            };
        }
        return (t, r) -> {
            long at = t.at(space, r[a] + offset, bytes, access);
            for (int i = 0; i < d.length; i++) r[d[i]] = get(type, at + (long) i * step);
        };
    }

    private static Step store(Statement s, Coder c) {
        s.only(KNOWN);
        Type type = s.type();
        Operand.Address to = c.pointer(s.operand(0));
        Space space = c.space(s, to);
        Access access = strong(s) ? Access.ATOMIC_WRITE : Access.WRITE;
        int a = c.address(to.base());
        long offset = to.offset();
        int[] b = parts(s.operand(1)).stream().mapToInt(o -> c.in(o, type)).toArray();
        count(s, b.length);
        int step = type.bytes, bytes = step * b.length;
        boolean wide = !s.has("cta");
        if (s.has("release")) c.emit((t, r) -> t.cta.races.fence(t, wide));
        if (b.length == 1 && step == 4) {
            int b0 = b[0];
            return (t, r) -> ALL.set(INT, t.at(space, r[a] + offset, 4, access), (int) r[b0]);
        }
        return (t, r) -> {
            long at = t.at(space, r[a] + offset, bytes, access);
            for (int i = 0; i < b.length; i++) set(type, at + (long) i * step, r[b[i]]);
        };
    }

    /** cp.async of 4, 8 or 16 bytes from global to shared memory, its groups and its waits. */
    static Step copy(Statement s, Coder c) {
        s.only(
                "async",
                "ca",
                "cg",
                "shared",
                "shared::cta",
                "global",
                "commit_group",
                "wait_group",
                "wait_all",
                "L2::64B",
                "L2::128B",
                "L2::256B");
        if (!s.begins("cp", "async")) throw s.unknown("not known");
        if (s.has("commit_group")) return (t, r) -> t.copies.commit();
        if (s.has("wait_all")) return (t, r) -> t.copies.awaitAll();
        if (s.has("wait_group")) {
            if (!(s.operand(0) instanceof Operand.Whole left)) throw s.unknown("no number of groups");
            return (t, r) -> t.copies.await((int) left.value());
        }
        Operand.Address to = c.pointer(s.operand(0)), from = c.pointer(s.operand(1));
        int d = c.address(to.base()), a = c.address(from.base());
        if (!(s.operand(2) instanceof Operand.Whole size) || s.operands().size() > 4) throw s.unknown("operands");
        int bytes = (int) size.value(),
                given = s.operands().size() > 3 ? c.in(s.operand(3), Type.U32) : c.constant(bytes);
        if (bytes != 16 && (s.has("cg") || bytes != 8 && bytes != 4)) throw s.unknown("size");
        return (t, r) -> {
            long target = r[d] + to.offset(), source = r[a] + from.offset();
            int read = (int) r[given];
            if (read < 0 || read > bytes) throw new PtxFault("more bytes to read than to write: " + read);
            t.cta.pending(t, target, bytes);
            t.copies.add(() -> {
                long at = t.at(Space.SHARED, target, bytes, Access.WRITE);
                ALL.asSlice(at, bytes).fill((byte) 0);
                if (read == 0) return;
                Cta.aligned(source, bytes);
                MemorySegment.copy(ALL, t.at(Space.GLOBAL, source, read, Access.READ), ALL, at, read);
            });
        };
    }

    static Step fence(Statement s, Coder c) {
        s.only("cta", "gl", "sys", "gpu", "cluster", "sc", "acq_rel", "acquire", "release");
        boolean wide = !s.has("cta");
        return (t, r) -> t.cta.races.fence(t, wide);
    }
}
