package dev.outrider.decode.device.cuda.ptx;

import java.util.List;

/**
 * What a launch did, over all threads; bytes as the threads asked for them, so without any cache.
 *
 * @param lines by instruction, where {@link PtxMachine#profile} is on
 */
public record PtxStatistics(
        long blocks,
        long instructions,
        long globalRead,
        long globalWritten,
        long sharedRead,
        long sharedWritten,
        List<Line> lines) {

    /**
     * A load, store or atomic.
     *
     * @param warps how often a warp ran it
     * @param transfers global memory: distinct 32-byte sectors; shared memory: passes that its 32 banks of 4 bytes need
     * @param ideal the fewest there could be for so many bytes
     */
    public record Line(int line, String text, long warps, long bytes, long transfers, long ideal, boolean shared) {}
}
