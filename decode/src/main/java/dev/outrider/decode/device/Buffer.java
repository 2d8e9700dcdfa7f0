package dev.outrider.decode.device;

import dev.outrider.checkpoints.DType;

/**
 * A run of elements in a device's memory. On the cpu, address is a native address that kernels use as it
 * is; elsewhere only the device can follow it. Buffers are made by {@link Device}; a slice shares memory
 * with its parent and is valid no longer than that.
 *
 * @param elements length in elements of type
 * @param layout other than rows only for matrices that the device converted when it took them
 */
public record Buffer(DType type, long address, long elements, Layout layout) {
    /** 8-bit weights under one scale, along a row. */
    public static final int GROUP = 32;

    /** Elements in the order in which they are counted. */
    public Buffer(DType type, long address, long elements) {
        this(type, address, elements, Layout.ROWS);
    }

    /** The same memory from element {@code from}, {@code count} elements long. */
    public Buffer slice(long from, long count) {
        java.util.Objects.checkFromIndexSize(from, count, elements);
        return new Buffer(type, address + layout.offset(type, from), count, layout);
    }

    public long bytes() {
        return layout.bytes(type, elements);
    }
}
