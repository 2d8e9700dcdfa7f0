package dev.outrider.decode.device.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Copies between ordinary host memory and the card by way of two pinned blocks in turn: while the card copies one, the
 * host fills or empties the other. So an upload returns as soon as its last block is filled, and the card need not wait for
 * the host's pages. The blocks are made at the first use.
 */
final class Staging {
    static final long BLOCK = 4 << 20;
    private static final int EVENT_DISABLE_TIMING = 2; // CUevent_flags in cuda.h

    private final CudaContext context;
    private final Block[] blocks = new Block[2];
    private int next;

    Staging(CudaContext context) {
        this.context = context;
    }

    /** A pinned block and the event that says that the card is done with it. */
    private record Block(PinnedMemory memory, long event) {}

    void upload(MemorySegment host, long device, long bytes) {
        checkRange(host, bytes);
        for (long done = 0; done < bytes; done += BLOCK) {
            long size = Math.min(BLOCK, bytes - done);
            Block block = turn();
            await(block);
            MemorySegment.copy(host, done, block.memory.segment(), 0, size);
            context.send(block.memory, 0, device + done, size);
            record(block);
        }
    }

    void download(long device, MemorySegment host, long bytes) {
        checkRange(host, bytes);
        Block before = null;
        for (long done = 0; done < bytes; done += BLOCK) {
            Block block = turn();
            await(block);
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

    private static void checkRange(MemorySegment host, long bytes) {
        java.util.Objects.checkFromIndexSize(0, bytes, host.byteSize());
    }

    private Block turn() {
        int now = next;
        next = 1 - next;
        if (blocks[now] == null) blocks[now] = make();
        return blocks[now];
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
