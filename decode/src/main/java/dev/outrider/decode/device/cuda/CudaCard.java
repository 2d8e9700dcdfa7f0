package dev.outrider.decode.device.cuda;

/**
 * What the driver says of a card.
 *
 * @param major of the compute capability, as 9 of 9.0
 * @param bytes of its memory
 * @param sharedBytesPerBlock shared memory that a block can have if its kernel asks for it
 * @param clockKHz of the multiprocessors, at most
 * @param memoryClockKHz at most
 * @param busBits width of the memory bus
 */
public record CudaCard(
        int ordinal,
        String name,
        int major,
        int minor,
        long bytes,
        int multiprocessors,
        int sharedBytesPerBlock,
        int clockKHz,
        int memoryClockKHz,
        int busBits,
        int l2Bytes) {
    /** As "sm_90". */
    public String arch() {
        return "sm_" + major + minor;
    }

    /** Bytes a second that its memory could give: two transfers a clock. 0 where the driver does not say. */
    public double peakBandwidth() {
        return 2e3 * memoryClockKHz * busBits / 8;
    }

    /** For messages. */
    String label() {
        return "GPU " + ordinal + " (" + name + ")";
    }
}
