package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;

/** What a pass of up to {@code rows} tokens writes between its layers' matrices, allocated once. */
final class LlamaActivations implements AutoCloseable {
    final int rows;
    /** [rows, C]: the residual stream, and its normed copy. */
    final Buffer x, normed;
    /** [rows, H·D], [rows, G·D], [rows, G·D], and what attention made of them, [rows, H·D]. */
    final Buffer query, key, value, mixed;
    /** [rows, I]. */
    final Buffer gate, up;
    /** What is made of the normed rows at once: query, key and value; gate and up. */
    final List<Buffer> queryKeyValue, gateUp;

    private final Device device;
    private final Buffer[] tails;

    LlamaActivations(Device device, ModelConfig config, int rows) {
        this.device = device;
        this.rows = rows;
        int q = config.heads() * config.headDim(), kv = config.kvHeads() * config.headDim();
        x = of(config.hiddenSize());
        normed = of(config.hiddenSize());
        query = of(q);
        key = of(kv);
        value = of(kv);
        mixed = of(q);
        gate = of(config.intermediateSize());
        up = of(config.intermediateSize());
        queryKeyValue = List.of(query, key, value);
        gateUp = List.of(gate, up);
        tails = Slices.tails(x, rows);
    }

    private Buffer of(int width) {
        return device.allocate(DType.F32, (long) rows * width);
    }

    /** x from row {@code from} on. */
    Buffer x(int from) {
        return tails[from];
    }

    @Override
    public void close() {
        List.of(x, normed, query, key, value, mixed, gate, up).forEach(device::free);
    }
}
