package dev.outrider.decode.device.cpu;

/** Working memory of one thread, grown to the most that was asked for and then kept. Its content is arbitrary. */
final class Scratch implements AutoCloseable {
    private final Memory memory;
    private long address;
    private long floats;

    Scratch(Memory memory) {
        this.memory = memory;
    }

    /** What {@link #floats} gave last. */
    long address() {
        return address;
    }

    /** At least so many floats; valid until the next call. */
    long floats(long count) {
        if (count > floats) grow(count);
        return address;
    }

    private void grow(long count) {
        close();
        address = memory.allocate(4 * count);
        floats = count;
    }

    @Override
    public void close() {
        if (floats > 0) memory.free(address);
        floats = 0;
    }
}
