package dev.outrider.trainer;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Ctrl-C (or a polite kill) as a question that the loop can ask. While one is open, the JVM's shutdown
 * waits until it is closed, so that a step and its checkpoint can be finished; then the JVM ends with the
 * signal's exit code (130 for Ctrl-C).
 */
public final class Interruption implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 120;
    private final CountDownLatch finished = new CountDownLatch(1);
    private final Thread hook = new Thread(this::hold, "interruption");
    private final BooleanSupplier worthwhile;
    private final Runnable otherwise;
    private volatile boolean requested;

    public Interruption() {
        this(() -> true, () -> {});
    }

    /**
     * @param worthwhile asked at the signal: whether to wait until this is closed
     * @param otherwise what to do at the signal if it is not
     */
    public Interruption(BooleanSupplier worthwhile, Runnable otherwise) {
        this.worthwhile = worthwhile;
        this.otherwise = otherwise;
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void hold() {
        requested = true;
        if (!worthwhile.getAsBoolean()) {
            otherwise.run();
            return;
        }
        try {
            finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether somebody asked to stop. */
    public boolean requested() {
        return requested;
    }

    /** Asks to stop, as Ctrl-C does. */
    public void request() {
        requested = true;
    }

    @Override
    public void close() {
        finished.countDown();
        if (!requested) Runtime.getRuntime().removeShutdownHook(hook);
    }
}
