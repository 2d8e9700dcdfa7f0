package dev.outrider.decode.device.cuda.ptx;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * The memory of a pretended card: the ranges of native addresses that kernels may touch. With {@link #poison} reading what
 * neither {@link #written} named nor a kernel wrote is an error too. Several machines may share one.
 */
public final class PtxMemory {
    /** All of memory: the offset is the address. */
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /**
     * One allocation.
     *
     * @param known null where all of it counts as written, else a 1 for every byte that is
     * @param owner what must not be collected as long as the range is registered, or null
     */
    record Range(long start, long end, boolean constant, byte[] known, Object owner) {}

    private final TreeMap<Long, Range> ranges = new TreeMap<>();
    private boolean poison;
    private Range[] sorted = {};

    /** From now on memory that is added counts as never written. */
    public synchronized PtxMemory poison(boolean on) {
        poison = on;
        return this;
    }

    public PtxMemory add(long address, long bytes) {
        return add(address, bytes, false, poison, null);
    }

    synchronized PtxMemory add(long address, long bytes, boolean constant, boolean unknown, Object owner) {
        if (address <= 0 || bytes <= 0 || address >>> 60 != 0)
            throw new PtxFault("no memory: " + bytes + " bytes at " + address);
        Map.Entry<Long, Range> below = ranges.lowerEntry(address + bytes);
        if (below != null && below.getValue().end > address) {
            throw new PtxFault("%,d bytes at 0x%x overlap those at 0x%x".formatted(bytes, address, below.getKey()));
        }
        byte[] known = unknown ? new byte[Math.toIntExact(bytes)] : null;
        ranges.put(address, new Range(address, address + bytes, constant, known, owner));
        sorted = null;
        return this;
    }

    public synchronized PtxMemory remove(long address) {
        if (ranges.remove(address) == null) throw new PtxFault("no memory begins at 0x" + Long.toHexString(address));
        sorted = null;
        return this;
    }

    /** What the host wrote. */
    public synchronized PtxMemory written(long address, long bytes) {
        Map.Entry<Long, Range> entry = ranges.floorEntry(address);
        if (entry == null || entry.getValue().end < address + bytes) {
            throw new PtxFault("%,d bytes at 0x%x are not within what was allocated".formatted(bytes, address));
        }
        Range range = entry.getValue();
        int from = (int) (address - range.start);
        if (range.known != null) Arrays.fill(range.known, from, (int) (from + bytes), (byte) 1);
        return this;
    }

    synchronized Range[] ranges() {
        if (sorted == null) sorted = ranges.values().toArray(Range[]::new);
        return sorted;
    }

    /** The range that holds the address, or the nearest below it, or null. */
    static Range below(Range[] ranges, long address) {
        int low = 0, high = ranges.length;
        while (low < high) {
            int middle = low + high >>> 1;
            if (ranges[middle].start <= address) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? null : ranges[low - 1];
    }
}
