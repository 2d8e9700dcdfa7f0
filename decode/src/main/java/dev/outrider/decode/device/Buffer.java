package dev.outrider.decode.device;

import dev.outrider.checkpoints.DType;

/**
 * A run of elements in a device's memory. On the cpu, address is a native address that kernels use as it
 * is; elsewhere only the device can follow it. Buffers are made by {@link Device}; a slice shares memory
 * with its parent and is valid no longer than that.
 *
 * <p>A buffer of I8 holds rows of 8-bit weights: a row's bytes, then a scale in F16 for each {@link #GROUP}
 * of them. So a row is a multiple of the group, and a slice takes whole rows.
 *
 * @param elements length in elements of type
 */
public record Buffer(DType type, long address, long elements) {
    /** 8-bit weights under one scale, along a row. */
    public static final int GROUP = 32;

    /** The same memory from element {@code from}, {@code count} elements long. */
    public Buffer slice(long from, long count) {
        java.util.Objects.checkFromIndexSize(from, count, elements);
        return new Buffer(type, address + bytes(type, from), count);
    }

    public long bytes() {
        return bytes(type, elements);
    }

    /** What so many elements take, scales included. */
    public static long bytes(DType type, long elements) {
        if (type != DType.I8) return Math.multiplyExact(elements, type.bytes);
        if (elements % GROUP != 0) throw new IllegalArgumentException(elements + " elements of I8, not whole groups");
        return elements / GROUP * (GROUP + 2);
    }
}
