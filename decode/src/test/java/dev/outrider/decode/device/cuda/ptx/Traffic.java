package dev.outrider.decode.device.cuda.ptx;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Counts what the blocks of one thread of the CPU do; by instruction and warp where that was asked for. */
final class Traffic {
    /** One instruction: how often warps ran it, the 32-byte sectors of global memory or the passes over shared memory's banks, the bytes. */
    static final class Site {
        long warps, sectors, ideal, bytes;

        void add(Site other) {
            warps += other.warps;
            sectors += other.sectors;
            ideal += other.ideal;
            bytes += other.bytes;
        }
    }

    /** One run of an instruction by a warp. */
    private static final class Together {
        final Set<Long> units = new HashSet<>();
        long bytes;
        boolean shared;
    }

    private record Key(Statement site, int warp, int time) {}

    private record Turn(Statement site, int thread) {}

    long instructions, globalRead, globalWritten, sharedRead, sharedWritten;
    final Map<Statement, Site> sites = new HashMap<>();
    private final boolean profile;
    private final Map<Turn, Integer> turns = new HashMap<>();
    private final Map<Key, Together> open = new HashMap<>();

    Traffic(boolean profile) {
        this.profile = profile;
    }

    void global(Lane t, long address, int bytes, Access access) {
        if (access.reads()) globalRead += bytes;
        if (access.writes()) globalWritten += bytes;
        if (profile && t.site != null) touch(t, address, bytes, 32, false);
    }

    void shared(Lane t, long at, int bytes, Access access) {
        if (access.reads()) sharedRead += bytes;
        if (access.writes()) sharedWritten += bytes;
        if (profile && t.site != null) touch(t, at, bytes, 4, true);
    }

    private void touch(Lane t, long at, int bytes, int unit, boolean shared) {
        int time = turns.merge(new Turn(t.site, t.index), 1, Integer::sum);
        Together together = open.computeIfAbsent(new Key(t.site, t.index >> 5, time), k -> new Together());
        together.shared = shared;
        together.bytes += bytes;
        for (long u = at / unit; u <= (at + bytes - 1) / unit; u++) together.units.add(u);
    }

    /** At a block's end. */
    void flush() {
        open.forEach((key, together) -> {
            Site site = sites.computeIfAbsent(key.site, k -> new Site());
            site.warps++;
            site.bytes += together.bytes;
            site.sectors += together.shared ? passes(together.units) : together.units.size();
            site.ideal += together.shared ? (together.units.size() + 31) / 32 : (together.bytes + 31) / 32;
        });
        open.clear();
        turns.clear();
    }

    /** The most words of one bank, of 32. */
    private static int passes(Set<Long> words) {
        int[] banks = new int[32];
        int most = 0;
        for (long word : words) most = Math.max(most, ++banks[(int) (word & 31)]);
        return most;
    }

    void add(Traffic other) {
        instructions += other.instructions;
        globalRead += other.globalRead;
        globalWritten += other.globalWritten;
        sharedRead += other.sharedRead;
        sharedWritten += other.sharedWritten;
        other.sites.forEach(
                (s, site) -> sites.computeIfAbsent(s, k -> new Site()).add(site));
    }

    PtxStatistics statistics(long blocks) {
        List<PtxStatistics.Line> lines = new ArrayList<>();
        sites.forEach((s, site) -> lines.add(new PtxStatistics.Line(
                s.line(), s.text(), site.warps, site.bytes, site.sectors, site.ideal, Space.of(s) == Space.SHARED)));
        lines.sort(java.util.Comparator.comparingInt(PtxStatistics.Line::line));
        return new PtxStatistics(blocks, instructions, globalRead, globalWritten, sharedRead, sharedWritten, lines);
    }
}
