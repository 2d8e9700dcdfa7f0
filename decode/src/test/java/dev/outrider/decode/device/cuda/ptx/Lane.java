package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;

/** A thread of a block. */
final class Lane {
    enum State {
        READY,
        /** For the other threads of its warp. */
        WARP,
        /** At a barrier of the block. */
        BARRIER,
        ENDED
    }

    /** Where a call returns to. */
    private record Caller(Code code, long[] r, int stretch, int frame, Code.Call call) {}

    final Cta cta;
    final int index, x, y, z;
    State state = State.READY;
    /** What it waits at. */
    Statement at;

    WarpOp op;
    int mask;
    int barrier;
    /** The memory instruction that runs, where traffic is counted by instruction. */
    Statement site;

    final AsyncCopies copies = new AsyncCopies();

    Code code;
    long[] r;
    int stretch;
    /** Where in local memory the function's variables begin. */
    int frame;

    MemorySegment local;
    long instructions;
    private final ArrayDeque<Caller> callers = new ArrayDeque<>();

    Lane(Cta cta, int index) {
        this.cta = cta;
        this.index = index;
        int[] block = cta.launch.block;
        x = index % block[0];
        y = index / block[0] % block[1];
        z = index / block[0] / block[1];
    }

    int lane() {
        return index & 31;
    }

    void start(Code kernel) {
        state = State.READY;
        callers.clear();
        copies.clear();
        frame = 0;
        stretch = 0;
        instructions = 0;
        code = kernel;
        need(kernel.frame);
        if (r == null || r.length != kernel.template.length) r = new long[kernel.template.length];
        kernel.fill(this, r);
    }

    /** Runs until it waits, ends, or has had its turns. */
    void run(int turns) {
        Statement line = null;
        int step = 0;
        Code.Stretch now = null;
        try {
            while (turns-- > 0) {
                now = code.stretches[stretch];
                Step[] steps = now.steps();
                long[] registers = r;
                for (step = 0; step < steps.length; step++) steps[step].run(this, registers);
                instructions += steps.length + 1;
                line = now.last();
                int next = now.flow().next(this, registers);
                line = null;
                if (next >= 0) stretch = next;
                else if (next == Step.Flow.PAUSE) return;
            }
        } catch (PtxFault | ArithmeticException | IndexOutOfBoundsException | ClassCastException e) {
            Statement where = line != null ? line : now.lines()[step];
            throw new PtxFault(cta.place(this) + ", " + where(where) + ": " + e.getMessage(), e);
        }
    }

    static String where(Statement s) {
        return "PTX line " + s.line() + " `" + s.text() + "`";
    }

    void need(int bytes) {
        if (bytes == 0 || local != null && local.byteSize() >= bytes) return;
        if (bytes > 1 << 20) throw new PtxFault("more than a MiB of local memory: a recursion without end?");
        MemorySegment larger = cta.arena.allocate(Math.max(bytes, 256L), 16);
        if (local != null) MemorySegment.copy(local, 0, larger, 0, local.byteSize());
        local = larger;
    }

    int call(Code.Call call, int next) {
        Code callee = call.code();
        if (callers.size() >= 4096) throw new PtxFault("calls 4,096 deep: a recursion without end?");
        int base = Parser.up(frame + code.frame, 16);
        need(base + callee.frame);
        call.give(local, frame, base);
        callers.push(new Caller(code, r, next, frame, call));
        code = callee;
        frame = base;
        r = new long[callee.template.length];
        callee.fill(this, r);
        stretch = 0;
        return Step.Flow.MOVED;
    }

    int end(boolean exit) {
        if (exit || callers.isEmpty()) {
            copies.end();
            state = State.ENDED;
            return Step.Flow.PAUSE;
        }
        Caller caller = callers.pop();
        caller.call.take(local, caller.frame, frame);
        code = caller.code;
        r = caller.r;
        frame = caller.frame;
        stretch = caller.stretch;
        return Step.Flow.MOVED;
    }

    /** Waits for the threads of the mask to come to the same instruction. */
    int meet(WarpOp op, Statement at, int mask, int next) {
        if ((mask >>> lane() & 1) == 0)
            throw new PtxFault("thread is not in its own mask 0x" + Integer.toHexString(mask));
        this.op = op;
        this.at = at;
        this.mask = mask;
        stretch = next;
        state = State.WARP;
        return Step.Flow.PAUSE;
    }

    /** The native address of what may be touched there. */
    long at(Space space, long address, int bytes, Access access) {
        return switch (space) {
            case GLOBAL -> cta.global(this, address, bytes, access);
            case SHARED -> cta.shared(this, address, bytes, access);
            case LOCAL -> local(address, bytes);
            case PARAM -> cta.parameter(address, bytes, access);
            case GENERIC ->
                switch ((int) (address >>> 60)) {
                    case 0 -> cta.global(this, address, bytes, access);
                    case 1 -> cta.shared(this, address & -1L >>> 4, bytes, access);
                    case 2 -> local(address & -1L >>> 4, bytes);
                    case 3 -> cta.parameter(address & -1L >>> 4, bytes, access);
                    default -> throw new PtxFault("no address: 0x" + Long.toHexString(address));
                };
        };
    }

    private long local(long address, int bytes) {
        if (address < 0 || address + bytes > frame + code.frame)
            throw new PtxFault(Cta.outside("local memory", address, bytes, frame + code.frame));
        Cta.aligned(address, bytes);
        return local.address() + address;
    }
}
