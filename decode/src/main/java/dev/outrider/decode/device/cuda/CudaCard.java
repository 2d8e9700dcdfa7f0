package dev.outrider.decode.device.cuda;


/** What the driver says of a card. */
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
}
