package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Memory of the card for what lasts one operation, and for the numbers that come with a call. Operations follow each
 * other on one stream, so all use the same; it grows to the largest that was wanted.
 */
final class Scratch {
    /** Numbers that come with calls. */
    enum Numbers {
        IDS,
        POSITIONS,
        ENTRIES,
        CONTEXTS,
        DISTINCT,
        STARTS,
        ORDER
    }

    /** What is on the card. */
    private static final class Slot {
        long address;
        int[] numbers = {};
        int count;
    }

    private final CudaContext context;
    private final Slot[] slots = new Slot[Numbers.values().length];
    private long address, bytes;

    Scratch(CudaContext context) {
        this.context = context;
        Arrays.setAll(slots, i -> new Slot());
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

    /**
     * Numbers from {@code offset} on, on the card until others of their kind come. An upload waits for the card, so the
     * ones that are there are not sent again: every layer of a pass has the same.
     */
    long ints(Numbers of, int[] numbers, int offset, int count) {
        Slot slot = slots[of.ordinal()];
        if (count > slot.numbers.length) {
            context.free(slot.address);
            slot.address = 0;
            slot.numbers = new int[0];
            slot.address = context.allocate(4L * count);
            slot.numbers = new int[count];
        } else if (count == slot.count && Arrays.equals(slot.numbers, 0, count, numbers, offset, offset + count)) {
            return slot.address;
        }
        System.arraycopy(numbers, offset, slot.numbers, 0, count);
        slot.count = 0;
        context.upload(MemorySegment.ofArray(slot.numbers).asSlice(0, 4L * count), slot.address, 4L * count);
        slot.count = count;
        return slot.address;
    }
}
