package dev.outrider.decode.model;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Optional;

/**
 * A LLaMA with a cache of what it has read. All memory is taken at the start; reading allocates nothing.
 *
 * <p>Up to {@link Device#INVARIANT_ROWS} tokens are read in one pass whose bits do not depend on how they
 * are grouped. More are read in passes of {@link #CHUNK}, whose products may be summed otherwise: then the
 * bits depend on the number of tokens of the read and on nothing else, so a prompt that is read in one call
 * leaves the same cache whatever is done with it.
 */
public final class Llama implements CausalModel {
    /** Most tokens of one pass. */
    static final int CHUNK = 256;

    private final Device device;
    private final LlamaWeights weights;
    private final ModelConfig config;
    private final KvCache cache;
    private final Buffer rotary;
    private final LlamaPass pass;
    private final LlamaPass.Context context = this::attend;
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    private final KeptLogits logits;

    /**
     * @param weights stay the caller's, and must outlive the model
     * @param capacity most tokens read at a time, prompt and answer together
     * @throws Failure (usage) when capacity is not in 1 .. the model's longest context
     */
    public Llama(Device device, LlamaWeights weights, int capacity) {
        this.device = device;
        this.weights = weights;
        this.config = weights.config();
        LlamaPass.requireCapacity(config, capacity);
        this.cache = new KvCache(device, config.layers(), capacity, config.kvHeads(), config.headDim());
        this.rotary = RotaryTable.of(device, config, capacity);
        this.pass = new LlamaPass(device, weights, Math.min(CHUNK, capacity));
        this.logits = new KeptLogits(device, config.outputSize(), Math.min(Device.INVARIANT_ROWS, capacity));
    }

    /** A model with weights of its own, closed with it; the device stays the caller's. */
    public static Llama open(Path directory, Device device, int capacity) {
        return open(directory, device, capacity, WeightType.STORED);
    }

    /** As {@link #open(Path, Device, int)}, the matrices held in a type of choice. */
    public static Llama open(Path directory, Device device, int capacity, WeightType type) {
        Deque<AutoCloseable> opened = new ArrayDeque<>();
        try {
            Checkpoint checkpoint = opened(opened, Checkpoint.open(directory));
            Llama model = new Llama(device, opened(opened, LlamaWeights.load(device, checkpoint, type)), capacity);
            model.owned.addAll(opened);
            return model;
        } catch (RuntimeException e) {
            closeAll(opened);
            throw e;
        }
    }

    private static <T extends AutoCloseable> T opened(Deque<AutoCloseable> opened, T resource) {
        opened.push(resource);
        return resource;
    }

    /**
     * Rows that ids below 0 stand for, {@code -1 - i} for row i.
     *
     * @param rows F32 [at least count, C]; stays the caller's
     */
    void pictures(Buffer rows, int count) {
        pass.pictures(rows, count);
    }

    public ModelConfig config() {
        return config;
    }

    @Override
    public int vocabulary() {
        return config.vocabSize();
    }

    @Override
    public Optional<DraftVocabulary> outputs() {
        return weights.outputs;
    }

    @Override
    public int capacity() {
        return cache.capacity();
    }

    @Override
    public int length() {
        return cache.length();
    }

    @Override
    public void truncate(int length) {
        cache.truncate(length);
    }

    @Override
    public void read(int[] tokens, int offset, int count, int rows) {
        check(tokens, offset, count);
        logits.keep(Objects.checkIndex(rows, count + 1));
        for (int done = 0; done < count; ) {
            int chunk = Math.min(pass.a.rows, count - done);
            pass(tokens, offset + done, chunk);
            keep(chunk, done + chunk - (count - rows));
            done += chunk;
        }
    }

    // The last rows of this pass that are to be kept: all when more are wanted, as far as reached.
    private void keep(int chunk, int wanted) {
        int rows = Math.min(chunk, wanted);
        if (rows > 0) pass.logits(chunk - rows, rows, logits.rows(wanted - rows));
    }

    @Override
    public void logits(int row, float[] into) {
        device.download(logits.row(row), into, 0, config.outputSize());
    }

    /**
     * Reads a text from an empty cache and gives its hidden states after the final norm, for teachers; no
     * logits are kept.
     *
     * @param into F32 [count, C]
     */
    public void hidden(int[] tokens, int offset, int count, Buffer into) {
        truncate(0);
        check(tokens, offset, count);
        logits.keep(0);
        int c = config.hiddenSize();
        for (int done = 0; done < count; done += pass.a.rows) {
            int chunk = Math.min(pass.a.rows, count - done);
            pass(tokens, offset + done, chunk);
            pass.hidden(0, chunk, into.slice((long) done * c, (long) chunk * c));
        }
    }

    /**
     * Logits of hidden states after the final norm.
     *
     * @param hidden F32 [rows, C]
     * @param logits F32 [rows, V], or [rows, V'] where there are {@link #outputs}
     */
    public void head(Buffer hidden, int rows, Buffer logits) {
        weights.head.apply(device, logits, hidden, rows, 0);
    }

    // Leaves the last layer's output in pass.a.x and rows more entries in the cache.
    private void pass(int[] tokens, int offset, int rows) {
        pass.run(tokens, offset, rows, context);
        cache.advance(rows);
    }

    private void attend(int layer, LlamaActivations a, int rows) {
        int first = cache.length(), capacity = cache.capacity(), room = cache.room();
        int heads = config.heads(), kvHeads = config.kvHeads(), d = config.headDim();
        Buffer keys = cache.keys(layer), values = cache.values(layer);
        device.rope(a.query, rows, heads * d, heads, d, rotary, capacity, first, rows, false);
        device.rope(a.key, rows, kvHeads * d, kvHeads, d, rotary, capacity, first, rows, false);
        device.append(keys, values, a.key, a.value, rows, first, room, kvHeads, d);
        device.attend(a.mixed, a.query, keys, values, rows, first + rows, room, heads, kvHeads, d);
    }

    private void check(int[] tokens, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, tokens.length);
        if (count > capacity() - length()) throw LlamaPass.full(length(), count, capacity());
        pass.requireIds(tokens, offset, count);
    }

    @Override
    public void close() {
        cache.close();
        device.free(rotary);
        pass.close();
        logits.close();
        closeAll(owned);
    }

    private static void closeAll(Deque<AutoCloseable> resources) {
        while (!resources.isEmpty()) {
            try {
                resources.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
