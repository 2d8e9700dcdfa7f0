package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A LLaMA that reads many texts at a time: S slots, each with a cache of its own, over shared weights. A
 * step takes every slot a token further; beginnings of texts are read together, rows of several in one pass,
 * and what begins like a text read before is copied from its cache. All memory is taken at the start; a step
 * allocates nothing.
 *
 * <p>A step always has S rows, those of idle slots among them, and a row of a beginning is summed alike in
 * whatever company (see PromptReader). So what a slot reads and says depends on its own tokens and on S alone.
 * Against {@link Llama} the sums may be ordered otherwise.
 */
public final class LlamaBatch implements AutoCloseable {
    /** A token for {@link #step} that leaves a slot as it is. */
    public static final int IDLE = -1;

    private final Device device;
    private final ModelConfig config;
    private final Optional<DraftVocabulary> outputs;
    private final int slots, capacity, room;
    private final LlamaPass pass;
    private final Buffer rotary, logits;
    /** By layer, F32 [S, G, room, D]. */
    private final Buffer[] keys, values;

    private final Buffer[] ownLogits;
    private final int[] lengths, tokens, positions, entries, contexts;
    private final LlamaPass.Context each = this::attendEach;
    private final PromptReader reader;
    /** By slot: a beginning that waits to be read, or null. */
    private final int[][] waiting;

    /**
     * @param weights stay the caller's, and must outlive the batch
     * @param slots S, texts at a time
     * @param capacity most tokens of one text, prompt and answer together
     * @throws dev.outrider.checkpoints.Failure (usage) when capacity is not in 1 .. the model's longest context
     */
    public LlamaBatch(Device device, LlamaWeights weights, int slots, int capacity) {
        this.device = device;
        this.config = weights.config();
        this.slots = slots;
        this.capacity = capacity;
        LlamaPass.requireCapacity(config, capacity);
        room = Device.cacheCapacity(capacity);
        outputs = weights.outputs;
        pass = new LlamaPass(device, weights, Math.max(slots, Llama.CHUNK));
        rotary = RotaryTable.of(device, config, room);
        logits = device.allocate(DType.F32, (long) slots * config.outputSize());
        ownLogits = parts(logits);
        keys = caches();
        values = caches();
        reader = new PromptReader(device, config, pass, rotary, slices(keys), slices(values), room, Llama.CHUNK);
        waiting = new int[slots][];
        lengths = new int[slots];
        tokens = new int[slots];
        positions = new int[slots];
        entries = new int[slots];
        contexts = new int[slots];
    }

    private Buffer[] caches() {
        long elements = (long) slots * config.kvHeads() * room * config.headDim();
        return IntStream.range(0, config.layers())
                .mapToObj(l -> device.allocate(DType.F32, elements))
                .toArray(Buffer[]::new);
    }

    // By layer and slot.
    private Buffer[][] slices(Buffer[] caches) {
        return Arrays.stream(caches).map(this::parts).toArray(Buffer[][]::new);
    }

    private Buffer[] parts(Buffer whole) {
        long part = whole.elements() / slots;
        return IntStream.range(0, slots)
                .mapToObj(s -> whole.slice(s * part, part))
                .toArray(Buffer[]::new);
    }

    /** Bytes that the caches of one slot take. */
    public static long cacheBytes(ModelConfig config, int capacity) {
        return 2L
                * config.layers()
                * config.kvHeads()
                * Device.cacheCapacity(capacity)
                * config.headDim()
                * DType.F32.bytes;
    }

    public int slots() {
        return slots;
    }

    public int capacity() {
        return capacity;
    }

    public int vocabulary() {
        return config.vocabSize();
    }

    /** Number of logits of a text: V, or V' where only some tokens can be said. */
    public int logits() {
        return config.outputSize();
    }

    /** As {@link CausalModel#outputs}. */
    public Optional<DraftVocabulary> outputs() {
        return outputs;
    }

    /** Tokens that the slot has read. */
    public int length(int slot) {
        return lengths[slot];
    }

    /** Forgets what the slot has read. */
    public void clear(int slot) {
        lengths[slot] = 0;
        waiting[slot] = null;
    }

    /**
     * Begins a text in a slot, whatever was there: {@link #read} reads all of the prompt but its last token.
     *
     * @return the last token, for {@link #step}
     */
    public int begin(int slot, int[] prompt) {
        if (prompt.length > capacity) throw LlamaPass.full(0, prompt.length, capacity);
        LlamaPass.requireIds(config, prompt, 0, prompt.length);
        clear(slot);
        waiting[slot] = Arrays.copyOf(prompt, prompt.length - 1);
        return prompt[prompt.length - 1];
    }

    /** Reads all texts begun since the last time. */
    public void read() {
        for (int s = 0; s < slots; s++) {
            if (waiting[s] == null) continue;
            reader.add(s, waiting[s]);
            lengths[s] = waiting[s].length;
            waiting[s] = null;
        }
        reader.flush();
    }

    /** Tokens of beginnings that were read. */
    public long tokensRead() {
        return reader.read();
    }

    /** Tokens of beginnings whose keys and values were there already. */
    public long tokensShared() {
        return reader.shared();
    }

    /**
     * Reads one more token in every slot and keeps its logits.
     *
     * @param next by slot; {@link #IDLE} leaves a slot alone, its logits become arbitrary
     */
    public void step(int[] next) {
        read();
        for (int s = 0; s < slots; s++) row(s, next[s]);
        pass.run(tokens, 0, slots, each);
        pass.logits(0, slots, logits);
        for (int s = 0; s < slots; s++) if (next[s] != IDLE) lengths[s]++;
    }

    private void row(int slot, int token) {
        boolean idle = token == IDLE;
        if (!idle && lengths[slot] == capacity) throw LlamaPass.full(capacity, 1, capacity);
        if (!idle) reader.overwritten(slot, lengths[slot]);
        tokens[slot] = idle ? 0 : token;
        positions[slot] = idle ? 0 : lengths[slot];
        entries[slot] = idle ? -1 : lengths[slot];
        contexts[slot] = idle ? 0 : lengths[slot] + 1;
    }

    private void attendEach(int layer, LlamaActivations a, int rows) {
        int heads = config.heads(), kvHeads = config.kvHeads(), d = config.headDim();
        device.ropeEach(a.query, rows, heads, d, rotary, room, positions);
        device.ropeEach(a.key, rows, kvHeads, d, rotary, room, positions);
        device.appendEach(keys[layer], values[layer], a.key, a.value, rows, entries, room, kvHeads, d);
        device.attendEach(a.mixed, a.query, keys[layer], values[layer], rows, contexts, room, heads, kvHeads, d);
    }

    /** Copies the logits after the slot's last token; raw, in nats. May be called by several threads. */
    public void logits(int slot, float[] into) {
        device.download(ownLogits[slot], into, 0, config.outputSize());
    }

    @Override
    public void close() {
        pass.close();
        device.free(rotary);
        device.free(logits);
        for (Buffer buffer : keys) device.free(buffer);
        for (Buffer buffer : values) device.free(buffer);
    }
}
