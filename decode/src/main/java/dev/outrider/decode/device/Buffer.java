package dev.outrider.decode.device;

import dev.outrider.checkpoints.DType;

/**
 * A run of elements in a device's memory. On the cpu, address is a native address that kernels use as it
 * is; elsewhere only the device can follow it. Buffers are made by {@link Device}; a slice shares memory
 * with its parent and is valid no longer than that.
 *
 * @param elements length in elements of type
 */
public record Buffer(DType type, long address, long elements) {
    /** The same memory from element {@code from}, {@code count} elements long. */
    public Buffer slice(long from, long count) {
        java.util.Objects.checkFromIndexSize(from, count, elements);
        return new Buffer(type, address + from * type.bytes, count);
    }

    public long bytes() {
        return elements * type.bytes;
    }
}
