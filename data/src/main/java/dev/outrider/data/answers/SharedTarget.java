package dev.outrider.data.answers;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.LlamaWeights;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The target's weights, mapped once per process and shared by its tasks: opened for the first that asks,
 * closed by the last that lets go.
 */
final class SharedTarget implements AutoCloseable {
    private static final Map<Path, SharedTarget> OPEN = new HashMap<>();

    private final Path path;
    private final Checkpoint checkpoint;
    private final CpuDevice device = new CpuDevice(1);
    private final LlamaWeights weights;
    private int users;

    private SharedTarget(Path path, String tower) {
        this.path = path;
        checkpoint = Checkpoint.open(path);
        if (!tower.isEmpty()) checkpoint.vision().ifPresent(vision -> vision.attach(Path.of(tower)));
        weights = LlamaWeights.load(device, checkpoint);
    }

    /** Close it as often as it was asked for. */
    static SharedTarget open(Path path) {
        return open(path, "");
    }

    /** @param tower the first who opens it attaches; or empty */
    static SharedTarget open(Path path, String tower) {
        synchronized (OPEN) {
            Path whole = path.toAbsolutePath().normalize();
            SharedTarget target = OPEN.computeIfAbsent(whole, p -> new SharedTarget(p, tower));
            target.users++;
            return target;
        }
    }

    /** Number of targets open in this process. */
    static int open() {
        synchronized (OPEN) {
            return OPEN.size();
        }
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    LlamaWeights weights() {
        return weights;
    }

    @Override
    public void close() {
        synchronized (OPEN) {
            if (--users > 0) return;
            OPEN.remove(path);
            weights.close();
            device.close();
            checkpoint.close();
        }
    }
}
