package dev.outrider.checkpoints;

import java.lang.foreign.MemorySegment;

/**
 * The two orders of the rows of queries and keys: Hugging Face's rotation takes channels (i, i + D/2) of a
 * head, <i>half-split</i>; that of llama.cpp and llama2.c takes (2i, 2i + 1), <i>neighbours</i>.
 */
final class RotaryRows {
    private RotaryRows() {}

    /** Whether a tensor, by its Hugging Face name, has such rows. */
    static boolean concerns(String name) {
        return name.contains(".q_proj.") || name.contains(".k_proj.");
    }

    /** Where row r of neighbours lies in half-split order. */
    static long halfSplit(long r, int headDim) {
        long head = r / headDim, in = r % headDim;
        return head * headDim + in % 2 * (headDim / 2) + in / 2;
    }

    /** Copies rows of neighbours into half-split order. */
    static void toHalfSplit(MemorySegment from, MemorySegment to, long rowBytes, int headDim) {
        for (long r = 0; r < from.byteSize() / rowBytes; r++) {
            MemorySegment.copy(from, r * rowBytes, to, halfSplit(r, headDim) * rowBytes, rowBytes);
        }
    }

    /** Copies half-split rows into the order of neighbours. */
    static void toNeighbours(MemorySegment from, MemorySegment to, long rowBytes, int headDim) {
        for (long r = 0; r < from.byteSize() / rowBytes; r++) {
            MemorySegment.copy(from, halfSplit(r, headDim) * rowBytes, to, r * rowBytes, rowBytes);
        }
    }
}
