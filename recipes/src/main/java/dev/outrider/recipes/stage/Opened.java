package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Sight;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.report.Evaluation.Model;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A model opened for decoding.
 *
 * @param llama its language model
 * @param model the whole of it: the same, or with its eyes
 * @param sight of the tower that all models of the run look through; empty where there is nothing to see
 */
record Opened(
        Checkpoint checkpoint,
        LlamaWeights weights,
        Llama llama,
        CausalModel model,
        Optional<Sight> sight,
        Recipe.Weights held)
        implements AutoCloseable {
    /** Blind. */
    static Opened of(Path path, Device device, int capacity, Recipe.Weights held) {
        return of(path, device, capacity, Optional.empty(), held);
    }

    /**
     * @param capacity most tokens of a text; fewer where the model has fewer positions
     * @param sight stays the caller's, and must outlive this
     */
    static Opened of(Path path, Device device, int capacity, Optional<Sight> sight, Recipe.Weights held) {
        Checkpoint checkpoint = Checkpoint.open(path);
        try {
            LlamaWeights weights = LlamaWeights.load(device, checkpoint, Models.held(held));
            Llama llama = new Llama(device, weights, room(checkpoint, capacity));
            return new Opened(checkpoint, weights, llama, seeing(checkpoint, device, llama, sight), sight, held);
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    private static CausalModel seeing(Checkpoint checkpoint, Device device, Llama llama, Optional<Sight> sight) {
        if (sight.isEmpty() || checkpoint.vision().isEmpty()) return llama;
        return new Llava(device, llama, checkpoint.vision().get(), sight.get());
    }

    private static int room(Checkpoint checkpoint, int capacity) {
        return Math.min(capacity, checkpoint.config().maxPositions());
    }

    /** Another reader over the same weights, with a cache of its own; to be closed before this. */
    CausalModel another(Device device, int capacity) {
        return seeing(checkpoint, device, new Llama(device, weights, room(checkpoint, capacity)), sight);
    }

    long parameters() {
        return checkpoint.config().parameters();
    }

    /** Parameters that a pass reads for each token. */
    long read() {
        return checkpoint.config().productParameters();
    }

    private String type() {
        String name = held.name().toLowerCase(Locale.ROOT);
        if (held != Recipe.Weights.STORED) return name;
        return checkpoint.names().stream()
                .map(checkpoint::storedType)
                .distinct()
                .sorted()
                .collect(Collectors.joining(", ", name + " (", ")"));
    }

    Model model(String name) {
        return new Model(name, checkpoint.path().toString(), parameters(), read(), type(), checkpoint.hash());
    }

    @Override
    public void close() {
        model.close();
        weights.close();
        checkpoint.close();
    }
}
