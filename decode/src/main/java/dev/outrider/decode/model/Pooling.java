package dev.outrider.decode.model;

import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;

/**
 * Chooses from a tower's features what a projector reads: with the class token or without, squares of patches by their
 * mean. Patches beyond whole squares are left out. Not safe for several threads.
 */
public final class Pooling {
    private final VisionConfig config;
    private final int grid, rows;
    private final float[] whole, means;

    /** @param grid patches along a side */
    public Pooling(VisionConfig config, int grid) {
        this.config = config;
        this.grid = grid;
        int side = grid / config.pool();
        rows = side * side + first();
        boolean pools = config.pool() > 1;
        whole = new float[pools ? (grid * grid + 1) * config.towerWidth() : 0];
        means = new float[pools ? rows * config.towerWidth() : 0];
    }

    // Rows before those of patches.
    private int first() {
        return config.classToken() ? 1 : 0;
    }

    /** Rows of a picture that a model reads. */
    public int rows() {
        return rows;
    }

    /**
     * @param features F32 [P + 1, C of the tower], the class token first
     * @param into F32 [rows, C of the tower]
     */
    public void apply(Device device, Buffer features, Buffer into) {
        if (config.pool() > 1) pool(device, features, into);
        else device.copy(kept(features), into, (long) rows * config.towerWidth());
    }

    private Buffer kept(Buffer features) {
        long skipped = (1L - first()) * config.towerWidth();
        return features.slice(skipped, features.elements() - skipped);
    }

    private void pool(Device device, Buffer features, Buffer into) {
        device.download(features, whole, 0, whole.length);
        int c = config.towerWidth(), s = config.pool(), side = grid / s, first = first();
        if (first == 1) System.arraycopy(whole, 0, means, 0, c);
        for (int row = first; row < rows; row++) {
            int corner = (row - first) / side * s * grid + (row - first) % side * s;
            for (int i = 0; i < c; i++) means[row * c + i] = mean(corner, s, i, c);
        }
        device.upload(means, 0, into, means.length);
    }

    // Of channel i over a square of patches, whose rows come behind that of the class token.
    private float mean(int corner, int s, int i, int c) {
        float sum = 0;
        for (int k = 0; k < s * s; k++) sum += whole[(1 + corner + k / s * grid + k % s) * c + i];
        return sum / (s * s);
    }
}
