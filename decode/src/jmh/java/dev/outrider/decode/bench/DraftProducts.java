package dev.outrider.decode.bench;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
            return elements() * (type == DType.I8 ? 1 + 2.0 / Buffer.GROUP : type.bytes);
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
    private final List<Buffer> weights = new ArrayList<>();
    private Buffer x, y;

    @Setup
    public void allocate() {
        device = new CpuDevice();
        for (int l = 0; l < model.layers; l++) for (int[] shape : model.layer) weights.add(held(shape[0], shape[1]));
        weights.add(held(model.layer[0][0], model.vocabulary));
        x = filled((long) rows * WIDEST);
        y = filled((long) rows * MOST);
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public Buffer pass() {
        int next = 0;
        for (int l = 0; l < model.layers; l++) {
            for (int[] shape : model.layer) device.linear(y, x, weights.get(next++), rows, shape[0], shape[1], 0);
        }
        device.linear(y, x, weights.get(next), rows, model.layer[0][0], model.vocabulary, 0);
        return y;
    }

    // As a model's matrices are held.
    private Buffer held(int in, int out) {
        float[] values = new float[in * out];
        Arrays.fill(values, 0.01f);
        return device.hold(Tensor.of("w", values, out, in), type);
    }

    // 0x3c3c twice in a row is about 0.01.
    private Buffer filled(long elements) {
        Buffer buffer = device.allocate(DType.F32, elements);
        MemorySegment.ofAddress(buffer.address()).reinterpret(buffer.bytes()).fill((byte) 0x3c);
        return buffer;
    }
}
