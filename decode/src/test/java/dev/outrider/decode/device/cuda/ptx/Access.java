package dev.outrider.decode.device.cuda.ptx;

/** How memory is touched. ATOMIC is what may race with its like: atom, red, and .volatile, .relaxed, .acquire, .release. */
enum Access {
    READ,
    WRITE,
    ATOMIC_READ,
    ATOMIC_WRITE,
    ATOMIC;

    boolean reads() {
        return this != WRITE && this != ATOMIC_WRITE;
    }

    boolean writes() {
        return this != READ && this != ATOMIC_READ;
    }

    boolean atomic() {
        return this == ATOMIC || this == ATOMIC_READ || this == ATOMIC_WRITE;
    }
}
