package dev.outrider.decode.model;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Objects;

/**
 * Rows of tokens through all layers of a LLaMA. Whether they are one sequence's or many's is the business
 * of a {@link Context}; everything else treats rows alike. All memory is taken at the start.
 */
final class LlamaPass implements AutoCloseable {
    /** What the rows of a pass have read before. */
    interface Context {
        /**
         * Rotates a.query and a.key to the rows' positions, adds a.key and a.value to the layer's caches and
         * leaves in a.mixed what attention makes of them.
         */
        void attend(int layer, LlamaActivations a, int rows);
    }

    final LlamaActivations a;
    private final Device device;
    private final LlamaWeights weights;
    private final ModelConfig config;
    private Buffer pictures;
    private int pictureRows;

    /** @param rows most rows of a pass */
    LlamaPass(Device device, LlamaWeights weights, int rows) {
        this.device = device;
        this.weights = weights;
        this.config = weights.config();
        this.a = new LlamaActivations(device, config, rows);
    }

    /** Rows [count, C] that ids below 0 stand for: -1 - r for row r, or for r mod count where they are a ring. */
    void pictures(Buffer rows, int count) {
        pictures = rows;
        pictureRows = count;
    }

    /** Leaves the last layer's output in a.x. */
    void run(int[] tokens, int offset, int rows, Context context) {
        embed(tokens, offset, rows);
        for (int l = 0; l < config.layers(); l++) {
            LlamaWeights.Layer layer = weights.layers.get(l);
            attention(layer, l, rows, context);
            mlp(layer, rows);
        }
    }

    private void embed(int[] tokens, int offset, int rows) {
        int words = words(tokens, offset, rows, 0);
        if (words > 0) device.embed(a.x, weights.embedding, tokens, offset, words, config.hiddenSize());
        if (words < rows) mixed(tokens, offset, rows, words);
    }

    // Tokens from r on until the next row of a picture.
    private static int words(int[] tokens, int offset, int rows, int r) {
        int end = r;
        while (end < rows && tokens[offset + end] >= 0) end++;
        return end - r;
    }

    private void mixed(int[] tokens, int offset, int rows, int from) {
        int c = config.hiddenSize();
        for (int r = from; r < rows; ) {
            int words = words(tokens, offset, rows, r);
            long at = (long) r * c, row = (-1 - tokens[offset + r]) % pictureRows;
            if (words > 0)
                device.embed(a.x.slice(at, (long) words * c), weights.embedding, tokens, offset + r, words, c);
            else device.copy(pictures.slice(row * c, c), a.x.slice(at, c), c);
            r += Math.max(1, words);
        }
    }

    private void attention(LlamaWeights.Layer layer, int index, int rows, Context context) {
        norm(a.normed, a.x, layer.inputNorm(), rows);
        layer.queryKeyValue().apply(device, a.queryKeyValue, a.normed, rows);
        context.attend(index, a, rows);
        layer.output().apply(device, a.x, a.mixed, rows, 1);
    }

    private void mlp(LlamaWeights.Layer layer, int rows) {
        int width = config.intermediateSize();
        norm(a.normed, a.x, layer.mlpNorm(), rows);
        layer.gateUp().apply(device, a.gateUp, a.normed, rows);
        device.swiglu(a.gate, a.gate, a.up, rows, width, width);
        layer.down().apply(device, a.x, a.gate, rows, 1);
    }

    private void norm(Buffer y, Buffer x, Buffer gain, int rows) {
        device.rmsNorm(y, x, gain, rows, config.hiddenSize(), (float) config.rmsNormEps());
    }

    /** The final norm of a.x's rows from {@code from} on. */
    void hidden(int from, int rows, Buffer into) {
        norm(into, a.x(from), weights.norm, rows);
    }

    /** The logits of a.x's rows from {@code from} on. */
    void logits(int from, int rows, Buffer into) {
        hidden(from, rows, a.normed);
        weights.head.apply(device, into, a.normed, rows, 0);
    }

    /** Refuses ids that the vocabulary does not have, and rows of pictures that were not shown. */
    void requireIds(int[] tokens, int offset, int count) {
        requireIds(config, pictureRows, tokens, offset, count);
    }

    /** Refuses words that the vocabulary does not have. */
    static void requireWords(ModelConfig config, int[] prompt) {
        requireIds(config, Integer.MAX_VALUE, prompt, 0, prompt.length);
    }

    private static void requireIds(ModelConfig config, int rows, int[] tokens, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, tokens.length);
        for (int i = offset; i < offset + count; i++) {
            if (tokens[i] >= -rows && tokens[i] < config.vocabSize()) continue;
            throw Failure.data(
                    "token " + (i - offset) + " of the text to read",
                    "id " + tokens[i],
                    "0 to " + (config.vocabSize() - 1) + " (vocab_size)",
                    "Tokenizer and model do not belong together.");
        }
    }

    /** Refuses a cache longer than the model was made for. */
    static void requireCapacity(ModelConfig config, int capacity) {
        if (capacity > 0 && capacity <= config.maxPositions()) return;
        throw Failure.usage(
                "capacity of the model",
                capacity + " tokens",
                "1 to " + config.maxPositions() + " (max_position_embeddings)",
                "Ask for fewer tokens, or use a model with a longer context.");
    }

    /** Of {@code length} tokens read, with {@code more} the cache would overflow. */
    static Failure full(int length, int more, int capacity) {
        return Failure.usage(
                "context of the model",
                length + " tokens read and " + more + " more",
                "at most " + capacity + " in all",
                "Shorten the prompt or the answer, or open the model with a larger capacity.");
    }

    @Override
    public void close() {
        a.close();
    }
}
