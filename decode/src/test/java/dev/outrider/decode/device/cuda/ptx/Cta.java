package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A block of threads, run one after another on one thread of the CPU; used again for the next block. */
final class Cta {
    final Launch launch;
    final Arena arena;
    final Lane[] lanes;
    final Barriers barriers;
    final Races races;
    final Traffic traffic;
    int serial, x, y, z;

    private final MemorySegment shared;
    /** Per byte of shared memory: not there, never written, written. */
    private final byte[] sharedState;

    private final PtxMemory.Range[] ranges;
    private PtxMemory.Range range;
    private final Lane[] ready;
    private int readyCount;
    private SplittableRandom random;
    private final Lane[] together = new Lane[32];
    /** Per warp: the threads that have not ended, and how many wait for others of it. */
    private final int[] alive, waiting;

    private static final VarHandle STATES = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());
    private static final int UNWRITTEN4 = Launch.UNWRITTEN * 0x01010101, WRITTEN4 = Launch.WRITTEN * 0x01010101;

    Cta(Launch launch, Arena arena, Races.Shadow shadow) {
        this.launch = launch;
        this.arena = arena;
        lanes = new Lane[launch.block[0] * launch.block[1] * launch.block[2]];
        for (int i = 0; i < lanes.length; i++) lanes[i] = new Lane(this, i);
        ready = new Lane[lanes.length];
        alive = new int[lanes.length + 31 >> 5];
        waiting = new int[alive.length];
        barriers = new Barriers(this);
        races = new Races(this, launch.races, shadow);
        traffic = new Traffic(launch.profile);
        shared = arena.allocate(Math.max(launch.sharedMap.length, 1), 1024);
        sharedState = launch.sharedMap.clone();
        ranges = launch.ranges;
        range = new PtxMemory.Range(0, 0, false, null, null);
    }

    /** Runs the block of that number. */
    void run(int number) {
        serial = number;
        x = number % launch.grid[0];
        y = number / launch.grid[0] % launch.grid[1];
        z = number / launch.grid[0] / launch.grid[1];
        random = new SplittableRandom(launch.seed + 0x9e3779b97f4a7c15L * number);
        System.arraycopy(launch.sharedMap, 0, sharedState, 0, sharedState.length);
        shared.fill((byte) 0xff); // NaNs
        barriers.clear();
        races.clear();
        readyCount = 0;
        Arrays.fill(waiting, 0);
        Arrays.fill(alive, 0);
        for (Lane t : lanes) {
            alive[t.index >> 5] |= 1 << t.lane();
            t.start(launch.kernel);
            ready(t);
        }
        schedule();
        traffic.flush();
    }

    void ready(Lane t) {
        ready[readyCount++] = t;
    }

    private void schedule() {
        long before = 0;
        while (readyCount > 0) {
            int i = random.nextInt(readyCount);
            Lane t = ready[i];
            long ran = t.instructions;
            t.run(1 << random.nextInt(12));
            before += t.instructions - ran;
            if (t.state != Lane.State.READY) {
                ready[i] = ready[--readyCount];
                if (t.state == Lane.State.WARP) {
                    waiting[t.index >> 5]++;
                    meet(t);
                } else if (t.state == Lane.State.ENDED) {
                    ended(t);
                }
            }
            if (before > launch.limit)
                throw new PtxFault(place(t) + ": the block has run " + before + " instructions without an end");
        }
        traffic.instructions += before;
        for (Lane t : lanes) if (t.state != Lane.State.ENDED) throw deadlock();
    }

    /** A thread's end may be what the others of its warp wait for. */
    private void ended(Lane t) {
        int warp = t.index & ~31;
        alive[t.index >> 5] &= ~(1 << t.lane());
        if (waiting[t.index >> 5] == 0) return;
        for (int i = warp; i < Math.min(warp + 32, lanes.length); i++) {
            if (lanes[i].state == Lane.State.WARP) meet(lanes[i]);
        }
    }

    /** Does what the mask's threads do together if all of them that have not ended are there. */
    private void meet(Lane t) {
        int warp = t.index & ~31, count = Integer.bitCount(t.mask & alive[t.index >> 5]);
        if (waiting[t.index >> 5] < count) return;
        Arrays.fill(together, null);
        for (int i = 0; i < 32; i++) {
            if ((t.mask >>> i & 1) == 0 || warp + i >= lanes.length) continue;
            Lane other = lanes[warp + i];
            if (other.state == Lane.State.ENDED) continue;
            if (other.state != Lane.State.WARP || other.at != t.at || other.mask != t.mask) return;
            together[i] = other;
        }
        if (t.op.orders()) races.meet(together);
        try {
            t.op.together(together, t.mask);
        } catch (PtxFault e) {
            throw new PtxFault(place(t) + ", " + Lane.where(t.at) + ": " + e.getMessage(), e);
        }
        waiting[t.index >> 5] -= count;
        for (Lane other : together) {
            if (other == null) continue;
            other.state = Lane.State.READY;
            ready(other);
        }
    }

    /** Names who waits where, and who has ended. */
    private PtxFault deadlock() {
        List<String> out = new ArrayList<>();
        List<Statement> places = new ArrayList<>();
        int ended = 0;
        for (Lane t : lanes) {
            if (t.state == Lane.State.ENDED) ended++;
            else if (!places.contains(t.at)) places.add(t.at);
        }
        for (Statement place : places) {
            List<Integer> there = new ArrayList<>();
            String mask = "";
            for (Lane t : lanes) {
                if (t.state == Lane.State.ENDED || t.at != place) continue;
                there.add(t.index);
                if (t.state == Lane.State.WARP) mask = " (mask 0x" + Integer.toHexString(t.mask) + ")";
            }
            out.add(there.size() + " threads " + listed(there) + " wait at " + Lane.where(place) + mask);
        }
        if (ended > 0) out.add(ended + " have returned");
        return new PtxFault(
                launch.kernel.name + ", block (" + x + ", " + y + ", " + z + "): deadlock: " + String.join("; ", out));
    }

    private static String listed(List<Integer> threads) {
        if (threads.size() <= 8) return threads.toString();
        return threads.subList(0, 6).toString().replace("]", ", .., " + threads.getLast() + "]");
    }

    String place(Lane t) {
        return launch.kernel.name + ", " + launch.name(serial, t.index);
    }

    static String outside(String what, long address, int bytes, long size) {
        return "%d bytes at %d are outside of %s, which has %,d".formatted(bytes, address, what, size);
    }

    static void aligned(long address, int bytes) {
        if ((address & Integer.lowestOneBit(bytes) - 1) != 0) {
            throw new PtxFault("misaligned: %d bytes at 0x%x".formatted(bytes, address));
        }
    }

    long global(Lane t, long address, int bytes, Access access) {
        PtxMemory.Range range = this.range;
        if (address < range.start() || address + bytes > range.end()) {
            range = PtxMemory.below(ranges, address);
            if (range == null || address + bytes > range.end()) throw new PtxFault(nowhere(range, address, bytes));
            this.range = range;
        }
        aligned(address, bytes);
        if (range.constant() && access.writes())
            throw new PtxFault("constant memory is written, 0x" + Long.toHexString(address));
        if (range.known() != null)
            known(range.known(), (int) (address - range.start()), bytes, access, "global memory");
        races.global(t, address, bytes, access);
        traffic.global(t, address, bytes, access);
        return address;
    }

    private static String nowhere(PtxMemory.Range below, long address, int bytes) {
        String near = below == null
                ? ""
                : "; the nearest below, %,d bytes at 0x%x, ends %,d bytes before"
                        .formatted(below.end() - below.start(), below.start(), address - below.end());
        return "%d bytes at 0x%x are in no memory that is registered%s".formatted(bytes, address, near);
    }

    private static void known(byte[] known, int at, int bytes, Access access, String where) {
        if (access.reads()) {
            for (int i = 0; i < bytes; i++) {
                if (known[at + i] == 0)
                    throw new PtxFault("reads " + where + " that was never written, byte " + (at + i));
            }
        }
        if (access.writes()) Arrays.fill(known, at, at + bytes, (byte) 1);
    }

    /** Will be written, but is not yet. */
    void pending(Lane t, long address, int bytes) {
        exists(address, bytes);
        races.shared(t, address, bytes, Access.WRITE);
        Arrays.fill(sharedState, (int) address, (int) address + bytes, Launch.UNWRITTEN);
    }

    private void exists(long address, int bytes) {
        if (address < 0
                || address + bytes > sharedState.length
                || sharedState[(int) address] == 0
                || sharedState[(int) address + bytes - 1] == 0) {
            throw new PtxFault(
                    "%d bytes at %d are outside of shared memory: %s".formatted(bytes, address, launch.sharedNames));
        }
        aligned(address, bytes);
    }

    long shared(Lane t, long address, int bytes, Access access) {
        if (bytes == 4 && (address & 3) == 0 && address >= 0 && address + 4 <= sharedState.length) {
            int state = (int) STATES.get(sharedState, (int) address);
            if (state == WRITTEN4 || access == Access.WRITE && state == UNWRITTEN4) {
                if (state != WRITTEN4) STATES.set(sharedState, (int) address, WRITTEN4);
                races.shared(t, address, 4, access);
                traffic.shared(t, (int) address, 4, access);
                return shared.address() + address;
            }
        }
        exists(address, bytes);
        int at = (int) address;
        if (launch.poison && access.reads()) {
            for (int i = 0; i < bytes; i++) {
                if (sharedState[at + i] == Launch.UNWRITTEN)
                    throw new PtxFault("reads shared memory that was never written, byte " + (at + i));
            }
        }
        if (launch.poison && access.writes()) Arrays.fill(sharedState, at, at + bytes, Launch.WRITTEN);
        races.shared(t, address, bytes, access);
        traffic.shared(t, at, bytes, access);
        return shared.address() + address;
    }

    long parameter(long address, int bytes, Access access) {
        aligned(address, bytes);
        if (access.writes()) throw new PtxFault("a parameter is written");
        if (address < 0 || address + bytes > launch.parameterBytes)
            throw new PtxFault(outside("the parameters", address, bytes, launch.parameterBytes));
        return launch.parameters + address;
    }
}
