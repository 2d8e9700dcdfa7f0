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
 * All matrix products of one pass of the 115M draft, or of SmolLM2-135M (30 layers of small matrices), each with weights of its own, so that nothing stays in the
 * caches: what a pass costs at least. Rows: 1 for a drafted token, γ + 1 for a verified block.
 */
@State(Scope.Benchmark)
public class DraftProducts {
    /** Layers, vocabulary, and in and out of a layer's matrices; the head, once, reads what the first matrix reads. */
    public enum Shape {
        /** qkv, attention's output, gate with up, down. */
        DRAFT(4, 32_000, new int[][] {{1024, 3072}, {1024, 1024}, {1024, 5632}, {2816, 1024}}),
        /** q, k, v, attention's output, gate, up, down. */
        SMOLLM2(30, 49_152, new int[][] {
            {576, 576}, {576, 192}, {576, 192}, {576, 576}, {576, 1536}, {576, 1536}, {1536, 576}
        });
        private final int layers, vocabulary;
        private final int[][] layer;

        Shape(int layers, int vocabulary, int[][] layer) {
            this.layers = layers;
            this.vocabulary = vocabulary;
            this.layer = layer;
        }

        long elements() {
            long one = 0;
            for (int[] shape : layer) one += (long) shape[0] * shape[1];
            return layers * one + (long) layer[0][0] * vocabulary;
        }

        double bytes(DType type) {
            return Buffer.bytes(type, elements());
        }
    }

    static final int VOCABULARY = 32_000;
    private static final int WIDEST = 2816, MOST = 49_152;

    @Param({"DRAFT", "SMOLLM2"})
    Shape model;

    @Param({"F32", "BF16", "I8"})
    DType type;

    @Param({"1", "2", "5", "9"})
    int rows;

    private CpuDevice device;
    private Buffer weights, x, y;

    @Setup
    public void allocate() {
        device = new CpuDevice();
        weights = filled(type, model.elements());
        x = filled(DType.F32, (long) rows * WIDEST);
        y = filled(DType.F32, (long) rows * MOST);
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public Buffer pass() {
        long at = 0;
        for (int l = 0; l < model.layers; l++) {
            for (int[] shape : model.layer) at = product(at, shape[0], shape[1]);
        }
        product(at, model.layer[0][0], model.vocabulary);
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
