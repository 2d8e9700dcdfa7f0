package dev.outrider.trainer.layer;

import dev.outrider.decode.device.Buffer;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * An ND4J array that layers hand to each other, made once and reused: it grows to the largest shape asked
 * for, and the same shape gives the same array.
 */
final class Activation implements AutoCloseable {
    private final DataType type;
    private INDArray memory;
    private INDArray shaped;

    Activation(DataType type) {
        this.type = type;
    }

    INDArray of(long... shape) {
        if (shaped == null || !Arrays.equals(shaped.shape(), shape)) shaped = shape(shape);
        return shaped;
    }

    /** The memory of the array given last. */
    Buffer buffer() {
        return HostArrays.buffer(shaped);
    }

    private INDArray shape(long... shape) {
        long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        if (memory == null || memory.length() < elements) {
            close();
            memory = HostArrays.create(type, elements);
        }
        return memory.get(NDArrayIndex.interval(0, elements)).reshape('c', shape);
    }

    @Override
    public void close() {
        if (memory != null) memory.close();
        memory = null;
        shaped = null;
    }
}
