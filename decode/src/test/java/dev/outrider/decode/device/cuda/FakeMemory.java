package dev.outrider.decode.device.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;

/** Allocations whose bounds are known; a card's, or pinned ones of the host. Addresses are native ones. */
final class FakeMemory {
    /** As the driver aligns. */
    private static final int ALIGNMENT = 256;

    private final TreeMap<Long, Block> blocks = new TreeMap<>();
    private long used;

    private record Block(long bytes, Arena arena) {}

    /** Filled with bytes that no program should take for its own: NaN as floats. */
    long allocate(long bytes) {
        Arena arena = Arena.ofShared();
        MemorySegment segment = arena.allocate(bytes, ALIGNMENT);
        segment.fill((byte) -1);
        blocks.put(segment.address(), new Block(bytes, arena));
        used += bytes;
        return segment.address();
    }

    boolean free(long address) {
        Block block = blocks.remove(address);
        if (block == null) return false;
        used -= block.bytes;
        block.arena.close();
        return true;
    }

    void clear() {
        for (long address : java.util.List.copyOf(blocks.keySet())) free(address);
    }

    boolean holds(long address, long bytes) {
        Map.Entry<Long, Block> block = blocks.floorEntry(address);
        return block != null && bytes >= 0 && address + bytes <= block.getKey() + block.getValue().bytes;
    }

    /** Whether the address lies in one of the blocks. */
    boolean knows(long address) {
        return holds(address, 1);
    }

    long used() {
        return used;
    }

    int count() {
        return blocks.size();
    }

    /** The bytes of every block by its address. */
    Map<Long, Long> sizes() {
        return Map.copyOf(blocks);
    }
}
