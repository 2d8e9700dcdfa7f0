package dev.outrider.decode.bench;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * All matrix products of one pass of the 115M draft, each with weights of its own, so that nothing stays in the
 * caches: what a pass costs at least. Rows: 1 for a drafted token, γ + 1 for a verified block.
 */
@State(Scope.Benchmark)
public class DraftProducts {
    static final int LAYERS = 4, HIDDEN = 1024, VOCABULARY = 32_000;
    /** in and out of a layer's matrices: qkv, attention's output, gate with up, down; last, once, the head's. */
    private static final int[][] LAYER = {{1024, 3072}, {1024, 1024}, {1024, 5632}, {2816, 1024}};

    @Param({"F32", "BF16"})
    DType type;

    @Param({"1", "5", "9"})
    int rows;

    private CpuDevice device;
    private Buffer weights, x, y;

    static long elements() {
        long layer = 0;
        for (int[] shape : LAYER) layer += (long) shape[0] * shape[1];
        return LAYERS * layer + (long) HIDDEN * VOCABULARY;
    }

    @Setup
    public void allocate() {
        device = new CpuDevice();
        weights = filled(type, elements());
        x = filled(DType.F32, (long) rows * 2816);
        y = filled(DType.F32, (long) rows * VOCABULARY);
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public Buffer pass() {
        long at = 0;
        for (int layer = 0; layer < LAYERS; layer++) for (int[] shape : LAYER) at = product(at, shape[0], shape[1]);
        product(at, HIDDEN, VOCABULARY);
        return y;
    }

    private long product(long at, int in, int out) {
        long count = (long) in * out;
        device.linear(y, x, weights.slice(at, count), rows, in, out, 0);
        return at + count;
    }

    // 0x3c3c is about 0.01 as BF16, and twice in a row as F32.
    private Buffer filled(DType type, long elements) {
        Buffer buffer = device.allocate(type, elements);
        MemorySegment.ofAddress(buffer.address()).reinterpret(buffer.bytes()).fill((byte) 0x3c);
        return buffer;
    }
}
