package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Copies between ordinary host memory and the card by way of two pinned blocks. Uploads fill one, each behind the last,
 * while the card copies what is in it; only when it is full does the host go on to the other and wait until the card is
 * done with that. So small uploads do not wait, and large ones keep both sides busy. The blocks are made at the first use.
 */
final class Staging {
    static final long BLOCK = 4 << 20;
    private static final int EVENT_DISABLE_TIMING = 2; // CUevent_flags in cuda.h
    /** Uploads begin at multiples of it. */
    private static final long ALIGNMENT = 256;

    private final CudaContext context;
    private final Block[] blocks = new Block[2];
    private int current;
    /** Where the current block is free from. */
    private long filled = BLOCK;

    Staging(CudaContext context) {
        this.context = context;
    }

    /** Pinned memory, and the event that says that the card is done with what was asked of it so far. */
    private record Block(PinnedMemory memory, long event) {}

    void upload(MemorySegment host, long device, long bytes) {
        Objects.checkFromIndexSize(0, bytes, host.byteSize());
        for (long done = 0; done < bytes; ) {
            if (filled >= BLOCK) other();
            Block block = blocks[current];
            long size = Math.min(BLOCK - filled, bytes - done);
            MemorySegment.copy(host, done, block.memory.segment(), filled, size);
            context.send(block.memory, filled, device + done, size);
            filled = (filled + size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            done += size;
        }
    }

    /** While the host empties one block, the card fills the other. */
    void download(long device, MemorySegment host, long bytes) {
        Objects.checkFromIndexSize(0, bytes, host.byteSize());
        Block before = null;
        for (long done = 0; done < bytes; done += BLOCK) {
            Block block = other();
            filled = BLOCK;
            context.fetch(device + done, block.memory, 0, Math.min(BLOCK, bytes - done));
            record(block);
            if (before != null) take(before, host, done - BLOCK, BLOCK);
            before = block;
        }
        long last = (bytes - 1) / BLOCK * BLOCK;
        if (before != null) take(before, host, last, bytes - last);
    }

    private void take(Block block, MemorySegment host, long at, long size) {
        await(block);
        MemorySegment.copy(block.memory.segment(), 0, host, at, size);
    }

    // Leaves the current block with what it has still to do, and waits for the other.
    private Block other() {
        if (blocks[current] != null) record(blocks[current]);
        current = 1 - current;
        if (blocks[current] == null) blocks[current] = make();
        await(blocks[current]);
        filled = 0;
        return blocks[current];
    }

    private Block make() {
        MemorySegment out = context.result();
        context.api.createEvent.run(out.address(), EVENT_DISABLE_TIMING);
        long event = out.get(ValueLayout.JAVA_LONG, 0);
        context.remember(() -> context.api.destroyEvent.run(event));
        return new Block(context.pin(BLOCK), event);
    }

    // An event that was never recorded is done.
    private void await(Block block) {
        context.api.synchronizeEvent.run(block.event);
    }

    private void record(Block block) {
        context.api.recordEvent.run(block.event, context.stream());
    }
}
