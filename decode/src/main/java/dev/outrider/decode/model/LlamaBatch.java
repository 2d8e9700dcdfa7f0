package dev.outrider.decode.model;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;
import java.util.List;
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
 *
 * <p>With {@link Eyes} it reads pictures as {@link Llava} does, each projected once for texts that ask for it about the
 * same time; without, it leaves them out.
 */
public final class LlamaBatch implements AutoCloseable {
    /** A token for {@link #step} that leaves a slot as it is. */
    public static final int IDLE = Integer.MIN_VALUE;

    /** Pictures of a text beyond a batch's slots. */
    private static final int PICTURES = 8;

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
    /** By slot: the last token of a text that was begun, where it is a picture's row and not read yet; or 0. */
    private final int[] last;

    private final PictureBank bank;

    /** A batch that leaves pictures out. */
    public LlamaBatch(Device device, LlamaWeights weights, int slots, int capacity) {
        this(device, weights, Optional.empty(), slots, capacity);
    }

    /**
     * @param weights stay the caller's, and must outlive the batch
     * @param eyes of the same model; without, pictures are left out
     * @param slots S, texts at a time; of one text, S + 8 pictures
     * @param capacity most tokens of one text, prompt and answer together, a picture's rows among them
     * @throws dev.outrider.checkpoints.Failure (usage) when capacity is not in 1 .. the model's longest context
     */
    public LlamaBatch(Device device, LlamaWeights weights, Optional<Eyes> eyes, int slots, int capacity) {
        this(device, weights, eyes.map(e -> bank(device, e, slots)).orElse(null), slots, capacity);
    }

    private static PictureBank bank(Device device, Eyes eyes, int slots) {
        return new PictureBank(device, eyes, 2 * slots + PICTURES, slots + PICTURES, Integer.MAX_VALUE);
    }

    /** @param bank closed with this; or null */
    LlamaBatch(Device device, LlamaWeights weights, PictureBank bank, int slots, int capacity) {
        this.device = device;
        this.bank = bank;
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
        if (bank != null) pass.pictures(bank.rows(), bank.count());
        waiting = new int[slots][];
        last = new int[slots];
        lengths = new int[slots];
        tokens = new int[slots];
        positions = new int[slots];
        entries = new int[slots];
        contexts = new int[slots];
    }

    private Buffer[] caches() {
        long elements = (long) slots * config.kvHeads() * room * config.headDim();
        String what =
                "keys or values of " + slots + " texts of " + capacity + " tokens in " + config.layers() + " layers";
        return Room.buffers(device, config.layers(), elements, what, "Fewer slots, or a shorter context, need less.");
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
        last[slot] = 0;
    }

    /** Forgets all that texts to come could share: the weights are others than before. Every slot is clear. */
    public void forget() {
        reader.forget();
        if (bank != null) bank.renew();
    }

    /** Tokens that a prompt takes of the capacity: for a picture as many as it has rows, or none. */
    public int rows(int[] prompt) {
        return bank == null ? Picture.left(prompt).length : bank.rows(prompt);
    }

    /**
     * Refuses prompts that cannot be read, whatever their pictures.
     *
     * @throws dev.outrider.checkpoints.Failure USAGE where the prompt is longer than a text may be, DATA where it has words
     *     that the vocabulary has not
     */
    public void check(int[] prompt) {
        int rows = rows(prompt);
        if (rows > capacity) throw LlamaPass.full(0, rows, capacity);
        LlamaPass.requireWords(config, prompt);
    }

    /**
     * Begins a text in a slot, whatever was there: {@link #read} reads all of the prompt but its last token.
     *
     * @param prompt something to read, with placeholders of the pictures
     * @return the last token, for {@link #step}
     * @throws dev.outrider.checkpoints.Failure as {@link #check}; where a placeholder has no picture, where there are too
     *     many, and where a picture cannot be read
     */
    public int begin(int slot, int[] prompt, List<Picture> pictures) {
        check(prompt);
        clear(slot);
        int[] own = bank == null ? Picture.left(prompt) : own(prompt, pictures);
        waiting[slot] = Arrays.copyOf(own, own.length - 1);
        last[slot] = Math.min(0, own[own.length - 1]);
        return own[own.length - 1];
    }

    private int[] own(int[] prompt, List<Picture> pictures) {
        int wanted = bank.wanted(prompt, pictures);
        if (wanted == 0) return prompt;
        if (bank.worn()) {
            read();
            reader.forget();
            bank.renew();
        }
        if (!bank.hasRoom(wanted)) read();
        return bank.own(prompt, pictures);
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
        if (bank == null) return;
        bank.release();
        for (int id : last) if (id < 0) bank.use(id);
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
        for (int s = 0; s < slots; s++) if (next[s] != IDLE) stepped(s);
    }

    private void stepped(int slot) {
        lengths[slot]++;
        last[slot] = 0;
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
        if (bank != null) bank.close();
        pass.close();
        device.free(rotary);
        device.free(logits);
        for (Buffer buffer : keys) device.free(buffer);
        for (Buffer buffer : values) device.free(buffer);
    }
}
