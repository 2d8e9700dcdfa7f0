package dev.outrider.decode.device.cuda.ptx;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds two threads at the same bytes, one of them writing, with nothing between that orders them. Every thread has a clock that
 * ticks when it meets others; every byte remembers who wrote it, and who read it first and last, with the clock. What orders: a
 * barrier of the block; bar.warp.sync for its threads (shuffles and votes order nothing); a fence, then an atomic, which the other's atomic sees. After
 * FastTrack (Flanagan and Freund, 2009), with the whole block's clocks as one vector that barriers renew. A barrier of a part
 * of the block counts as one of all.
 */
final class Races {
    /** What a thread's fence let others know: all of its block up to these clocks. */
    private record Released(int block, boolean wide, int lane, int clock, int[] floor, int[] seen) {
        boolean covers(int lane, int clock) {
            return clock <= floor[lane]
                    || lane == this.lane && clock <= this.clock
                    || lane >> 5 == this.lane >> 5 && clock <= seen[lane & 31];
        }
    }

    /** Per thread. */
    static final class Clock {
        int now = 1;
        int[] seen = new int[32];
        private Released released;
        private Map<Integer, Released> acquired = Map.of();
    }

    /** Who touched what: one cell a word, or a byte once anything smaller than a word was touched. */
    static final class Shadow {
        private static final int PAGE = 4096;

        private static final class Page {
            int shift = 2;
            long[] writer = new long[PAGE >> 2], first = new long[PAGE >> 2], last = new long[PAGE >> 2];

            void refine() {
                writer = fine(writer);
                first = fine(first);
                last = fine(last);
                shift = 0;
            }

            private static long[] fine(long[] words) {
                long[] out = new long[PAGE];
                for (int i = 0; i < PAGE; i++) out[i] = words[i >> 2];
                return out;
            }
        }

        private final HashMap<Long, Page> pages = new HashMap<>();
        private final HashMap<Long, Map<Integer, Released>> locations = new HashMap<>();
        private long lastKey = -1;
        private Page lastPage;

        private Page page(long address) {
            long key = address / PAGE;
            if (key != lastKey) {
                lastPage = pages.computeIfAbsent(key, k -> new Page());
                lastKey = key;
            }
            return lastPage;
        }

        void clear() {
            pages.clear();
            locations.clear();
            lastKey = -1;
        }
    }

    private final Cta cta;
    private final boolean on;
    private final Shadow global;
    private final Shadow shared = new Shadow();
    private final Clock[] clocks;
    /** What all of the block know of each of its threads. */
    private int[] floor;

    Races(Cta cta, boolean on, Shadow global) {
        this.cta = cta;
        this.on = on;
        this.global = global;
        clocks = new Clock[on ? cta.lanes.length : 0];
    }

    void clear() {
        if (!on) return;
        shared.clear();
        floor = new int[clocks.length];
        for (int i = 0; i < clocks.length; i++) clocks[i] = new Clock();
    }

    /** A thread that does not wait at a barrier: what it did before is known behind it. */
    void arrived(Lane t) {
        if (!on) return;
        floor = floor.clone();
        floor[t.index] = clocks[t.index].now++;
    }

    void barrier(List<Lane> there, boolean all) {
        if (!on) return;
        floor = floor.clone();
        Map<Integer, Released> known = new HashMap<>();
        for (Lane t : there) {
            Clock c = clocks[t.index];
            floor[t.index] = c.now++;
            known.putAll(c.acquired);
        }
        if (!known.isEmpty()) for (Lane t : there) clocks[t.index].acquired = known;
    }

    void meet(Lane[] lanes) {
        if (!on) return;
        int[] seen = new int[32];
        Map<Integer, Released> known = new HashMap<>();
        for (Lane t : lanes) {
            if (t == null) continue;
            Clock c = clocks[t.index];
            for (int i = 0; i < 32; i++) seen[i] = Math.max(seen[i], c.seen[i]);
            known.putAll(c.acquired);
        }
        for (Lane t : lanes) if (t != null) seen[t.lane()] = clocks[t.index].now++;
        for (Lane t : lanes) {
            if (t == null) continue;
            clocks[t.index].seen = seen.clone();
            if (!known.isEmpty()) clocks[t.index].acquired = known;
        }
    }

    void fence(Lane t, boolean wide) {
        if (!on) return;
        Clock c = clocks[t.index];
        c.released = new Released(cta.serial, wide, t.index, c.now++, floor, c.seen.clone());
    }

    void global(Lane t, long address, int bytes, Access access) {
        if (on) touch(global, t, address, bytes, access, "global memory");
    }

    void shared(Lane t, long address, int bytes, Access access) {
        if (on) touch(shared, t, address, bytes, access, "shared memory");
    }

    private void touch(Shadow shadow, Lane t, long address, int bytes, Access access, String where) {
        if (access.atomic()) exchange(shadow, t, address, access);
        Clock c = clocks[t.index];
        long stamp = stamp(cta.serial, t.index, c.now, access.atomic());
        Shadow.Page page = shadow.page(address);
        if (bytes < 4 && page.shift == 2) page.refine();
        int cell = (int) (address % Shadow.PAGE) >> page.shift,
                end = (int) (address % Shadow.PAGE + bytes - 1) >> page.shift;
        for (; cell <= end; cell++) {
            check(t, page.writer[cell], access, where, address, "wrote");
            if (access.writes()) {
                check(t, page.first[cell], access, where, address, "read");
                if (page.last[cell] != page.first[cell]) check(t, page.last[cell], access, where, address, "read");
                page.writer[cell] = stamp;
                page.first[cell] = page.last[cell] = 0;
            } else {
                if (ordered(t, page.first[cell])) page.first[cell] = stamp;
                page.last[cell] = stamp;
            }
        }
    }

    /** Atomics at one address: what was released by fences before them comes to those that see them. */
    private void exchange(Shadow shadow, Lane t, long address, Access access) {
        Clock c = clocks[t.index];
        Map<Integer, Released> there = shadow.locations.get(address);
        if (access.reads() && there != null) {
            Map<Integer, Released> known = new HashMap<>(c.acquired);
            there.forEach((key, released) -> {
                if (released.wide || released.block == cta.serial) known.put(key, released);
            });
            c.acquired = known;
        }
        if (access.writes() && (c.released != null || !c.acquired.isEmpty())) {
            if (there == null) shadow.locations.put(address, there = new HashMap<>());
            if (c.released != null) there.put(c.released.block << 10 | c.released.lane, c.released);
            there.putAll(c.acquired);
        }
    }

    private static long stamp(int block, int lane, int clock, boolean atomic) {
        if (block >= 1 << 24 || clock >= 1 << 27) throw new PtxFault("too much for the race detector");
        return 1L << 62 | (atomic ? 1L << 61 : 0) | (long) block << 37 | (long) lane << 27 | clock;
    }

    private boolean ordered(Lane t, long stamp) {
        if (stamp == 0) return true;
        int block = (int) (stamp >>> 37) & 0xffffff,
                lane = (int) (stamp >>> 27) & 0x3ff,
                clock = (int) stamp & 0x7ffffff;
        if (block == cta.serial) {
            if (lane == t.index || clock <= floor[lane]) return true;
            if (lane >> 5 == t.index >> 5 && clock <= clocks[t.index].seen[lane & 31]) return true;
        }
        for (Released r : clocks[t.index].acquired.values()) if (r.block == block && r.covers(lane, clock)) return true;
        return false;
    }

    private void check(Lane t, long stamp, Access access, String where, long address, String did) {
        if (stamp == 0 || (stamp >>> 61 & 1) != 0 && access.atomic() || ordered(t, stamp)) return;
        int block = (int) (stamp >>> 37) & 0xffffff, lane = (int) (stamp >>> 27) & 0x3ff;
        throw new PtxFault("race in %s at 0x%x: %s, and thread %s %s it with nothing between that orders them"
                .formatted(where, address, access.writes() ? "writes" : "reads", cta.launch.name(block, lane), did));
    }
}
