package dev.outrider.checkpoints;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A named, typed, row-major view of memory; usually a slice of a mapped file, valid until the file's
 * owner is closed.
 *
 * @param shape sizes, outermost first; empty for a scalar
 * @param data exactly elements() * dtype.bytes bytes, little endian, not necessarily aligned
 */
public record Tensor(String name, DType dtype, long[] shape, MemorySegment data) {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public Tensor {
        if (data.byteSize() != elements(shape) * dtype.bytes) {
            throw new IllegalArgumentException(
                    name + ": " + data.byteSize() + " bytes for " + elements(shape) + " elements of " + dtype);
        }
    }

    /** Product of the sizes; 1 for a scalar. */
    public static long elements(long... shape) {
        long n = 1;
        for (long size : shape) n = Math.multiplyExact(n, size);
        return n;
    }

    public long elements() {
        return elements(shape);
    }

    /** One element as a double, whatever the stored type. */
    public double value(long index) {
        return switch (dtype) {
            case F64 -> data.get(DOUBLE, index * 8);
            case F32 -> data.get(FLOAT, index * 4);
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * 2) << 16);
            case I64 -> data.get(LONG, index * 8);
            case I32 -> data.get(INT, index * 4);
            case I16 -> data.get(SHORT, index * 2);
            case I8 -> data.get(ValueLayout.JAVA_BYTE, index);
            case U8, BOOL -> data.get(ValueLayout.JAVA_BYTE, index) & 0xff;
        };
    }

    /** All elements, rounded to float. */
    public float[] floats() {
        float[] out = new float[Math.toIntExact(elements())];
        for (int i = 0; i < out.length; i++) out[i] = (float) value(i);
        return out;
    }

    /** All elements as doubles. */
    public double[] doubles() {
        double[] out = new double[Math.toIntExact(elements())];
        for (int i = 0; i < out.length; i++) out[i] = value(i);
        return out;
    }

    /** All elements as ints; meant for token ids. */
    public int[] ints() {
        int[] out = new int[Math.toIntExact(elements())];
        for (int i = 0; i < out.length; i++) out[i] = (int) value(i);
        return out;
    }

    /** A tensor in heap memory holding a copy of the values. */
    public static Tensor of(String name, float[] values, long... shape) {
        return new Tensor(name, DType.F32, shape, MemorySegment.ofArray(values.clone()));
    }

    /** The same memory under another name. */
    public Tensor named(String other) {
        return new Tensor(other, dtype, shape, data);
    }

    /** A copy of tensors of one type, one below the other: they differ in their first size at most. */
    public static Tensor stacked(String name, List<Tensor> parts) {
        Tensor first = parts.getFirst();
        long[] shape = first.shape.clone();
        shape[0] = parts.stream().mapToLong(part -> part.shape[0]).sum();
        long bytes = parts.stream().mapToLong(part -> part.data.byteSize()).sum(), at = 0;
        MemorySegment all = Arena.ofAuto().allocate(bytes, 64);
        for (Tensor part : parts) {
            if (part.dtype != first.dtype) throw new IllegalArgumentException(part.name + " is not of " + first.dtype);
            MemorySegment.copy(part.data, 0, all, at, part.data.byteSize());
            at += part.data.byteSize();
        }
        return new Tensor(name, first.dtype, shape, all);
    }
}
