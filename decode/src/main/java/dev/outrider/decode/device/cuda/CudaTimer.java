package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A stop watch on the stream: two events that the card stamps when their turn comes. */
public final class CudaTimer implements AutoCloseable {
    private final CudaContext context;
    private final long begin, end;
    private final Runnable release = this::release;

    CudaTimer(CudaContext context) {
        this.context = context;
        begin = event();
        try {
            end = event();
        } catch (Failure e) {
            context.api.destroyEvent.status(begin);
            throw e;
        }
        context.remember(release);
    }

    private long event() {
        context.api.createEvent.run(context.result().address(), 0);
        return context.first();
    }

    public void start() {
        record(begin);
    }

    private void record(long event) {
        synchronized (context) {
            context.outsideCapture("a timer");
            context.api.recordEvent.run(event, context.stream());
        }
    }

    /** Milliseconds of the stream since {@link #start}; waits for them. */
    public float stop() {
        synchronized (context) {
            record(end);
            context.api.synchronizeEvent.run(end);
            MemorySegment out = context.result();
            context.api.elapsed.run(out.address(), begin, end);
            return out.get(ValueLayout.JAVA_FLOAT, 0);
        }
    }

    private void release() {
        int status = context.api.destroyEvent.status(begin);
        context.api.destroyEvent.run(end);
        if (status != 0) throw context.api.failure(context.api.destroyEvent.name(), status);
    }

    @Override
    public void close() {
        context.release(release);
    }
}
