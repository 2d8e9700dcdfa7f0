package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Brings a tower's features, as {@link Pooling} leaves them, to a language model's width: matrices with an activation
 * between two (LLaVA-1.5: 2310.03744). Not safe for several threads.
 */
final class Projector implements AutoCloseable {
    private final Device device;
    private final VisionConfig config;
    private final Pooling pooling;
    private final HeldTensors tensors;
    private final List<Linear> matrices;
    /** [rows, tower's C]; [rows, C], twice. */
    private final Buffer pooled, one, other;

    /** @param eyes must outlive this */
    Projector(Device device, Eyes eyes) {
        this.device = device;
        config = eyes.vision().config();
        pooling = new Pooling(config, eyes.sight().grid());
        tensors = new HeldTensors(device, eyes.vision()::projector, WeightType.STORED);
        matrices = IntStream.rangeClosed(1, config.matrices())
                .mapToObj(i -> tensors.linear(
                        "linear_" + i, i == 1 ? config.towerWidth() : config.width(), config.width(), config.bias()))
                .toList();
        pooled = device.allocate(DType.F32, (long) rows() * config.towerWidth());
        one = device.allocate(DType.F32, (long) rows() * config.width());
        other = device.allocate(DType.F32, (long) rows() * config.width());
    }

    /** Rows of a picture. */
    int rows() {
        return pooling.rows();
    }

    /**
     * @param features F32 [P + 1, tower's C], the class token first
     * @param into F32 [rows, C]
     */
    void apply(Buffer features, Buffer into) {
        pooling.apply(device, features, pooled);
        Buffer from = pooled;
        for (int i = 0; i < matrices.size(); i++) {
            boolean last = i == matrices.size() - 1;
            Buffer to = last ? into : from == one ? other : one;
            matrices.get(i).apply(device, to, from, rows(), 0);
            if (!last) device.gelu(config.activation(), to, to, (long) rows() * config.width());
            from = to;
        }
    }

    @Override
    public void close() {
        List.of(pooled, one, other).forEach(device::free);
        tensors.close();
    }
}
