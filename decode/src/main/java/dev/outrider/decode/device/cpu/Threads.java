package dev.outrider.decode.device.cpu;

/** Runs the parts of a kernel; for now the caller runs them all. */
public final class Threads implements AutoCloseable {
    private final int count;

    public Threads(int count) {
        this.count = count;
    }

    /** One part of a kernel's work. */
    @FunctionalInterface
    public interface Part {
        void run(int part);
    }

    public int count() {
        return count;
    }

    /** Runs parts 0 .. parts-1 and returns when all are done. */
    public void run(int parts, Part body) {
        for (int part = 0; part < parts; part++) body.run(part);
    }

    @Override
    public void close() {}
}
