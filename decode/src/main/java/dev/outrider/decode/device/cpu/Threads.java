package dev.outrider.decode.device.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A team for short parallel regions: the caller and count - 1 daemon threads. Between regions they spin
 * briefly, then park. Parts are dealt in order to whoever is free, so a region ends even if no worker
 * wakes up. A part must not start another region; regions of several callers follow one another.
 *
 * <p>Nothing is allocated: the region is one number, {@code generation << 32 | parts << 16 | next part}.
 * Whoever raises it by one owns the part, and with it the body that was read before.
 */
public final class Threads implements AutoCloseable {
    /** Work (elements touched, or multiply-adds) below which a region costs more than it saves. */
    private static final long ALONE = 1 << 15;

    private static final int MOST_PARTS = 0xffff;
    /** Longer than the parts of a region usually differ: waking a thread costs as much as a small product. */
    private static final long SPIN_NANOS = 1_000_000;

    private final Worker[] workers;
    private final AtomicLong ticket = new AtomicLong();
    private final AtomicInteger pending = new AtomicInteger();
    private Part body;
    private volatile Throwable failure;
    private volatile Thread waiting;
    private volatile boolean closed;

    private final Part ranges = this::range;
    private Range ranged;
    private int length;
    private int pieces;

    /** One part of a region. */
    @FunctionalInterface
    public interface Part {
        void run(int part);
    }

    /** A run of indices, from inclusive, to exclusive. */
    @FunctionalInterface
    public interface Range {
        void run(int from, int to);
    }

    /** @param count threads in all, the caller among them */
    public Threads(int count) {
        if (count < 1 || count > MOST_PARTS) throw new IllegalArgumentException(count + " threads");
        workers = new Worker[count - 1];
        for (int i = 0; i < workers.length; i++) workers[i] = new Worker(i);
        for (Worker worker : workers) worker.start();
    }

    public int count() {
        return workers.length + 1;
    }

    /** Whether so much work is best done by the caller alone. */
    boolean alone(long work) {
        return work < ALONE;
    }

    /** Runs parts 0 .. parts-1 and returns when all are done; what a part throws is thrown here. */
    public synchronized void run(int parts, Part body) {
        if (parts > MOST_PARTS) throw new IllegalArgumentException(parts + " parts");
        if (parts <= 1 || workers.length == 0) {
            for (int part = 0; part < parts; part++) body.run(part);
        } else {
            start(parts, body);
            work();
            await();
            finish();
        }
    }

    /** Runs body over 0 .. length-1, cut into one even run of indices for each thread. */
    synchronized void split(int length, Range body) {
        this.length = length;
        this.pieces = Math.min(length, count());
        this.ranged = body;
        run(pieces, ranges);
        this.ranged = null;
    }

    private void range(int piece) {
        ranged.run(cut(piece), cut(piece + 1));
    }

    private int cut(int piece) {
        return (int) ((long) length * piece / pieces);
    }

    private void start(int parts, Part body) {
        this.body = body;
        pending.set(parts);
        ticket.set(((ticket.get() >>> 32) + 1) << 32 | (long) parts << 16);
        for (int i = 0; i < Math.min(workers.length, parts - 1); i++) workers[i].wake();
    }

    private void work() {
        for (long t = ticket.get(); !over(t); t = ticket.get()) {
            Part body = this.body;
            if (ticket.compareAndSet(t, t + 1)) run(body, (int) (t & MOST_PARTS));
        }
    }

    private static boolean over(long ticket) {
        return (ticket & MOST_PARTS) >= (ticket >>> 16 & MOST_PARTS);
    }

    private void run(Part body, int part) {
        try {
            body.run(part);
        } catch (Throwable t) {
            failure = t;
        } finally {
            Thread caller = pending.decrementAndGet() == 0 ? waiting : null;
            if (caller != null) LockSupport.unpark(caller);
        }
    }

    private void await() {
        long end = System.nanoTime() + SPIN_NANOS;
        while (pending.get() > 0 && System.nanoTime() < end) Thread.onSpinWait();
        waiting = Thread.currentThread();
        while (pending.get() > 0) LockSupport.park(this);
        waiting = null;
    }

    private void finish() {
        body = null;
        Throwable thrown = failure;
        failure = null;
        if (thrown instanceof Error e) throw e;
        if (thrown instanceof RuntimeException e) throw e;
    }

    /** Ends the workers; later regions run on the caller alone. */
    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) LockSupport.unpark(worker);
    }

    private final class Worker extends Thread {
        private volatile boolean parked;

        Worker(int index) {
            super("cpu-" + (index + 1));
            setDaemon(true);
        }

        void wake() {
            if (parked) LockSupport.unpark(this);
        }

        @Override
        public void run() {
            while (!closed) {
                work();
                long end = System.nanoTime() + SPIN_NANOS;
                while (over(ticket.get()) && System.nanoTime() < end) Thread.onSpinWait();
                sleep();
            }
        }

        private void sleep() {
            parked = true;
            while (over(ticket.get()) && !closed) LockSupport.park(Threads.this);
            parked = false;
        }
    }
}
