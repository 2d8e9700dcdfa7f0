package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Memory of the card for what lasts one operation, and for the numbers that come with a call. Operations follow each
 * other on one stream, so all use the same; it grows to the largest that was wanted.
 */
final class Scratch {
    private final CudaContext context;
    private long address, bytes;
    private final long[] indices = new long[4], room = new long[4];

    Scratch(CudaContext context) {
        this.context = context;
    }

    /** So many bytes, whatever is in them. */
    long bytes(long wanted) {
        if (wanted > bytes) {
            context.free(address);
            address = 0;
            bytes = 0;
            address = context.allocate(wanted);
            bytes = wanted;
        }
        return address;
    }

    long floats(long count) {
        return bytes(4 * count);
    }

    /** Numbers from {@code offset} on, on the card until the same slot (0 to 3) is filled again. */
    long ints(int slot, int[] numbers, int offset, int count) {
        if (4L * count > room[slot]) {
            context.free(indices[slot]);
            indices[slot] = 0;
            room[slot] = 0;
            indices[slot] = context.allocate(4L * count);
            room[slot] = 4L * count;
        }
        context.upload(MemorySegment.ofArray(numbers).asSlice(4L * offset, 4L * count), indices[slot], 4L * count);
        return indices[slot];
    }
}
