package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J arrays and device buffers over the same memory; also the one place where ND4J is woken. */
final class HostArrays {
    static {
        wake();
    }

    private HostArrays() {}

    /** The array's own memory as a buffer. The array must be F32, contiguous and c-order. */
    static Buffer buffer(INDArray array) {
        return new Buffer(DType.F32, address(array), array.length());
    }

    /** data().address() is the base of the whole buffer even for a view: the offset has to be added. */
    static long address(INDArray array) {
        return array.data().address() + array.offset() * array.dataType().width();
    }

    static MemorySegment memory(Buffer buffer) {
        return MemorySegment.ofAddress(buffer.address()).reinterpret(buffer.bytes());
    }

    /** A new array outside every workspace, its values undefined. */
    static INDArray create(DataType type, long... shape) {
        try (MemoryWorkspace _ = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
            return Nd4j.createUninitialized(type, shape, 'c');
        }
    }

    static void write(int[] values, INDArray to) {
        write(values, values.length, to);
    }

    static void write(int[] values, int count, INDArray to) {
        MemorySegment.copy(values, 0, segment(to, count), ValueLayout.JAVA_INT, 0, count);
    }

    static void read(INDArray from, int[] values) {
        int count = Math.toIntExact(from.length());
        MemorySegment.copy(segment(from, count), ValueLayout.JAVA_INT, 0, values, 0, count);
    }

    private static MemorySegment segment(INDArray array, int count) {
        return MemorySegment.ofAddress(address(array)).reinterpret(4L * count);
    }

    /** Quietly, and without JavaCPP's limit, which refuses native memory beyond four times the Java heap. */
    static void wake() {
        setIfAbsent("org.nd4j.log.initialization", "false");
        setIfAbsent("org.bytedeco.javacpp.maxbytes", "0");
        setIfAbsent("org.bytedeco.javacpp.maxphysicalbytes", "0");
        Nd4j.getExecutioner();
    }

    private static void setIfAbsent(String property, String value) {
        if (System.getProperty(property) == null) System.setProperty(property, value);
    }
}
