package dev.outrider.recipes.stage;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.speculate.Compatibility;
import dev.outrider.recipes.Recipe;
import dev.outrider.recipes.report.Evaluation.Model;
import java.nio.file.Path;

/** A model opened for decoding. */
record Opened(Checkpoint checkpoint, LlamaWeights weights, Llama llama) implements AutoCloseable {
    /** @param capacity most tokens of a text; fewer where the model has fewer positions */
    static Opened of(Path path, Device device, int capacity, Recipe.Weights held) {
        Checkpoint checkpoint = Checkpoint.open(path);
        LlamaWeights weights = LlamaWeights.load(device, checkpoint, WeightType.valueOf(held.name()));
        return new Opened(checkpoint, weights, new Llama(device, weights, room(checkpoint, capacity)));
    }

    private static int room(Checkpoint checkpoint, int capacity) {
        return Math.min(capacity, checkpoint.config().maxPositions());
    }

    /** Another reader over the same weights, with a cache of its own; to be closed before this. */
    Llama another(Device device, int capacity) {
        return new Llama(device, weights, room(checkpoint, capacity));
    }

    void requireTokenizerOf(Opened target) {
        Compatibility.require(
                checkpoint.path().toString(),
                checkpoint.requireTokenizer(),
                target.checkpoint.path().toString(),
                target.checkpoint.requireTokenizer());
    }

    long parameters() {
        return checkpoint.config().parameters();
    }

    Model model(String name) {
        return new Model(name, checkpoint.path().toString(), parameters(), checkpoint.hash());
    }

    @Override
    public void close() {
        llama.close();
        weights.close();
        checkpoint.close();
    }
}
