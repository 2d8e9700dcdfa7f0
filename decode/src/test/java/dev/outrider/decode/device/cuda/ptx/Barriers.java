package dev.outrider.decode.device.cuda.ptx;

import java.util.ArrayList;
import java.util.List;

/** The sixteen barriers of a block. */
final class Barriers {
    private final Cta cta;
    private final List<List<Lane>> waiting = new ArrayList<>();
    private final int[] arrived = new int[16], expected = new int[16], yes = new int[16];
    private final int[][] results = new int[16][];

    Barriers(Cta cta) {
        this.cta = cta;
        for (int i = 0; i < 16; i++) waiting.add(new ArrayList<>());
        for (int i = 0; i < 16; i++) results[i] = new int[cta.lanes.length];
    }

    void clear() {
        for (int i = 0; i < 16; i++) {
            waiting.get(i).clear();
            arrived[i] = yes[i] = 0;
        }
    }

    /**
     * @param count of threads, a multiple of 32 as PTX wants it, or -1 for all
     * @param how '+', '&amp;' or '|' to reduce p into the slot d; 0 not to
     */
    void arrive(Lane t, int id, int count, boolean arriveOnly, char how, int d, boolean p) {
        if (id < 0 || id > 15) throw new PtxFault("no barrier " + id);
        int all = cta.lanes.length;
        if (count >= 0 && (count == 0 || count % 32 != 0))
            throw new PtxFault("a barrier of " + count + " threads: no multiple of 32");
        int want = count < 0 || count > all ? all : count;
        List<Lane> there = waiting.get(id);
        if (arrived[id] > 0 && expected[id] != want)
            throw new PtxFault("barrier " + id + " of " + want + " threads, of " + expected[id] + " before");
        boolean aligned = t.at.name().equals("bar") || t.at.has("aligned");
        for (Lane other : there) {
            if (aligned && other.index >> 5 == t.index >> 5 && other.at != t.at) {
                throw new PtxFault(
                        "threads of one warp at two barriers; thread " + other.index + " at " + Lane.where(other.at));
            }
        }
        expected[id] = want;
        arrived[id]++;
        if (p) yes[id]++;
        results[id][t.index] = how == 0 ? -1 : how << 24 | d;
        if (arriveOnly) {
            cta.races.arrived(t);
        } else {
            there.add(t);
            t.state = Lane.State.BARRIER;
            t.barrier = id;
        }
        if (arrived[id] == want) complete(id, t);
    }

    /** The last that came goes on; the others may run again. */
    private void complete(int id, Lane last) {
        List<Lane> there = waiting.get(id);
        for (Lane t : there) {
            int result = results[id][t.index], how = result >>> 24, d = result & 0xffffff;
            if (result >= 0)
                t.r[d] = how == '+' ? yes[id] : how == '&' ? yes[id] == expected[id] ? 1 : 0 : yes[id] > 0 ? 1 : 0;
            t.state = Lane.State.READY;
            if (t != last) cta.ready(t);
        }
        cta.races.barrier(there, expected[id] == cta.lanes.length);
        there.clear();
        arrived[id] = yes[id] = 0;
    }
}
