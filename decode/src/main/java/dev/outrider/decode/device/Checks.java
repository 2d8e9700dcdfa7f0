package dev.outrider.decode.device;

import dev.outrider.checkpoints.DType;
import java.util.Objects;

/** What every device requires of its arguments; those that are buffers give their addresses. */
public final class Checks {
    private Checks() {}

    /** Any type, so many elements. */
    public static long at(Buffer buffer, long elements) {
        if (elements > buffer.elements()) {
            throw new IndexOutOfBoundsException(elements + " elements of a buffer of " + buffer.elements());
        }
        return buffer.address();
    }

    /** F32. */
    public static long floats(Buffer buffer, long elements) {
        if (buffer.type() != DType.F32) throw new IllegalArgumentException(buffer.type() + " where F32 is needed");
        return at(buffer, elements);
    }

    /** F32, BF16 or F16 in rows. */
    public static long weights(Buffer buffer, long elements) {
        if (!(buffer.layout() instanceof Layout.Rows))
            throw new IllegalArgumentException(buffer + " where rows are needed");
        return buffer.type().bytes == 2 ? at(buffer, elements) : floats(buffer, elements);
    }

    /** Weights [out, in] that a device arranged for rows of {@code inputs}. */
    public static long arranged(Buffer buffer, int inputs, long out, int in) {
        if (inputs != in) throw new IllegalArgumentException(buffer + " where rows of " + in + " are needed");
        return at(buffer, out * in);
    }

    /** Elements from the first of {@code rows} rows, {@code stride} apart, to the end of the last. */
    public static long spaced(int rows, int stride, int width) {
        return rows == 0 ? 0 : (rows - 1L) * stride + width;
    }

    /** Ids of rows of the table. */
    public static void ids(Buffer table, int[] ids, int offset, int rows, int channels) {
        long size = table.elements() / channels;
        for (int r = 0; r < rows; r++) Objects.checkIndex(ids[offset + r], size);
    }

    /** A cache of whole blocks. */
    public static void blocks(int capacity) {
        if (capacity % Device.CACHE_BLOCK == 0) return;
        throw new IllegalArgumentException(
                "a cache for " + capacity + " entries, no multiple of " + Device.CACHE_BLOCK);
    }

    /** Buffers that can be copied one to the other. */
    public static void alike(Buffer from, Buffer to) {
        if (from.type() != to.type()) throw new IllegalArgumentException(from.type() + " to " + to.type());
        if (!from.layout().equals(to.layout())) throw new IllegalArgumentException(from + " to " + to);
    }
}
