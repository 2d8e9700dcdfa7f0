package dev.outrider.data.answers;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.WeightType;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The target's weights, mapped once per process and shared by its tasks: opened for the first that asks,
 * closed by the last that lets go.
 */
final class SharedTarget implements AutoCloseable {
    private static final Map<Held, SharedTarget> OPEN = new HashMap<>();

    private record Held(Path path, WeightType weights) {}

    private final Held held;
    private final Checkpoint checkpoint;
    private final CpuDevice device = new CpuDevice(1);
    private final LlamaWeights weights;
    private int users;

    private SharedTarget(Held held, String tower) {
        this.held = held;
        checkpoint = Checkpoint.open(held.path);
        if (!tower.isEmpty()) checkpoint.vision().ifPresent(vision -> vision.attach(Path.of(tower)));
        weights = LlamaWeights.load(device, checkpoint, held.weights);
    }

    /** Close it as often as it was asked for. */
    static SharedTarget open(Path path) {
        return open(path, "", WeightType.STORED);
    }

    /** @param tower the first who opens it attaches; or empty */
    static SharedTarget open(Path path, String tower, WeightType weights) {
        synchronized (OPEN) {
            Held wanted = new Held(path.toAbsolutePath().normalize(), weights);
            SharedTarget target = OPEN.computeIfAbsent(wanted, held -> new SharedTarget(held, tower));
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
            OPEN.remove(held);
            weights.close();
            device.close();
            checkpoint.close();
        }
    }
}
