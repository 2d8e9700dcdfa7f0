package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.WeightType;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.report.Evaluation.Model;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;

/** A model opened for decoding. */
record Opened(Checkpoint checkpoint, LlamaWeights weights, Llama llama, Recipe.Weights held) implements AutoCloseable {
    /** @param capacity most tokens of a text; fewer where the model has fewer positions */
    static Opened of(Path path, Device device, int capacity, Recipe.Weights held) {
        Checkpoint checkpoint = Checkpoint.open(path);
        try {
            LlamaWeights weights = LlamaWeights.load(device, checkpoint, WeightType.valueOf(held.name()));
            return new Opened(checkpoint, weights, new Llama(device, weights, room(checkpoint, capacity)), held);
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    private static int room(Checkpoint checkpoint, int capacity) {
        return Math.min(capacity, checkpoint.config().maxPositions());
    }

    /** Another reader over the same weights, with a cache of its own; to be closed before this. */
    Llama another(Device device, int capacity) {
        return new Llama(device, weights, room(checkpoint, capacity));
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
        llama.close();
        weights.close();
        checkpoint.close();
    }
}
