package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Brings a tower's features to a language model's width: matrices with an activation between two (LLaVA-1.5: 2310.03744).
 * Squares of patches may become one first, by their mean. Not safe for several threads.
 */
final class Projector implements AutoCloseable {
    private final Device device;
    private final VisionConfig config;
    private final HeldTensors tensors;
    private final List<Linear> matrices;
    private final int grid, rows;
    private final float[] whole, means;
    /** [rows, tower's C]; [rows, C], twice. */
    private final Buffer pooled, one, other;

    /**
     * @param vision stays the caller's, and must outlive this
     * @param grid patches along a side
     */
    Projector(Device device, Vision vision, int grid) {
        this.device = device;
        this.grid = grid;
        config = vision.config();
        tensors = new HeldTensors(device, vision::projector, WeightType.STORED);
        matrices = IntStream.rangeClosed(1, config.matrices())
                .mapToObj(i -> tensors.linear(
                        "linear_" + i, i == 1 ? config.towerWidth() : config.width(), config.width(), config.bias()))
                .toList();
        int side = grid / config.pool();
        rows = side * side + (config.classToken() ? 1 : 0);
        boolean pools = config.pool() > 1;
        whole = new float[pools ? (grid * grid + 1) * config.towerWidth() : 0];
        means = new float[pools ? rows * config.towerWidth() : 0];
        pooled = device.allocate(DType.F32, means.length);
        one = device.allocate(DType.F32, (long) rows * config.width());
        other = device.allocate(DType.F32, (long) rows * config.width());
    }

    /** Rows of a picture. */
    int rows() {
        return rows;
    }

    /**
     * @param features F32 [P + 1, tower's C], the class token first
     * @param into F32 [rows, C]
     */
    void apply(Buffer features, Buffer into) {
        long skipped = config.classToken() ? 0 : config.towerWidth();
        Buffer from = config.pool() > 1 ? pool(features) : features.slice(skipped, features.elements() - skipped);
        for (int i = 0; i < matrices.size(); i++) {
            boolean last = i == matrices.size() - 1;
            Buffer to = last ? into : from == one ? other : one;
            matrices.get(i).apply(device, to, from, rows, 0);
            if (!last) device.gelu(config.activation(), to, to, (long) rows * config.width());
            from = to;
        }
    }

    private Buffer pool(Buffer features) {
        device.download(features, whole, 0, whole.length);
        int c = config.towerWidth(), s = config.pool(), side = grid / s, first = config.classToken() ? 1 : 0;
        if (first == 1) System.arraycopy(whole, 0, means, 0, c);
        for (int row = first; row < rows; row++) {
            int corner = (row - first) / side * s * grid + (row - first) % side * s;
            for (int i = 0; i < c; i++) means[row * c + i] = mean(corner, s, i, c);
        }
        device.upload(means, 0, pooled, means.length);
        return pooled;
    }

    // Of channel i over a square of patches, whose rows come behind that of the class token.
    private float mean(int corner, int s, int i, int c) {
        float sum = 0;
        for (int k = 0; k < s * s; k++) sum += whole[(1 + corner + k / s * grid + k % s) * c + i];
        return sum / (s * s);
    }

    @Override
    public void close() {
        List.of(pooled, one, other).forEach(device::free);
        tensors.close();
    }
}
