package dev.outrider.decode.model;

import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads the beginnings of many texts, rows of several in one pass over the weights. What a slot read as a beginning
 * before stays in its cache until the slot's next text, so a text that begins alike takes keys and values from there.
 *
 * <p>A pass has a multiple of {@link Device#ROW_BLOCK} rows, the last of them of no text. So a row's bits follow from
 * the tokens before it alone: neither what it is grouped with, nor where it is cut, nor what was copied matters.
 */
final class PromptReader implements LlamaPass.Context {
    /** Fewer equal tokens are read again. */
    private static final int LEAST_SHARED = 4;

    /** {@code rows} tokens of a text from position {@code first} on; before them, {@code shared} entries of another slot. */
    private record Piece(int slot, int source, int shared, int first, int row, int rows) {}

    private final Device device;
    private final ModelConfig config;
    private final LlamaPass pass;
    private final Buffer rotary;
    private final Buffer[][] keys, values;
    private final int capacity, most;
    private final Buffer[] keyRows, valueRows, queryRows, mixedRows;
    /** By slot: a beginning, and how many of its tokens the cache holds. */
    private final int[][] texts;

    private final int[] held;
    private final int[] tokens, positions;
    private final List<Piece> pieces = new ArrayList<>();
    private int used;
    private long read, shared;

    /**
     * @param rotary for positions below capacity
     * @param keys by layer and slot, as {@link Device#attend} has them; values alike
     * @param capacity entries of a slot, whole blocks
     * @param most rows of a pass that may be used, a multiple of the block
     */
    PromptReader(
            Device device,
            ModelConfig config,
            LlamaPass pass,
            Buffer rotary,
            Buffer[][] keys,
            Buffer[][] values,
            int capacity,
            int most) {
        this.device = device;
        this.config = config;
        this.pass = pass;
        this.rotary = rotary;
        this.keys = keys;
        this.values = values;
        this.capacity = capacity;
        this.most = most;
        keyRows = Slices.tails(pass.a.key, pass.a.rows);
        valueRows = Slices.tails(pass.a.value, pass.a.rows);
        queryRows = Slices.tails(pass.a.query, pass.a.rows);
        mixedRows = Slices.tails(pass.a.mixed, pass.a.rows);
        texts = new int[keys[0].length][0];
        held = new int[texts.length];
        tokens = new int[most];
        positions = new int[most];
    }

    /** Rows that went through passes. */
    long read() {
        return read;
    }

    /** Tokens whose keys and values were there already. */
    long shared() {
        return shared;
    }

    /** The slot's entries from {@code position} on become somebody else's. */
    void overwritten(int slot, int position) {
        held[slot] = Math.min(held[slot], position);
    }

    /** Ids may mean something else from now on; nothing waits. */
    void forget() {
        Arrays.fill(held, 0);
    }

    /** Takes a text in; it is read when a pass is full, or by {@link #flush}. */
    void add(int slot, int[] text) {
        int source = nearest(text), same = same(text, source);
        if (same < LEAST_SHARED) same = 0;
        texts[slot] = text;
        held[slot] = same;
        shared += same;
        if (same > 0 && source != slot) pieces.add(new Piece(slot, source, same, same, used, 0));
        while (held[slot] < text.length) rows(slot, text);
    }

    private int nearest(int[] text) {
        int best = 0;
        for (int s = 1; s < texts.length; s++) if (same(text, s) > same(text, best)) best = s;
        return best;
    }

    private int same(int[] text, int slot) {
        int end = Math.min(text.length, held[slot]);
        int parted = Arrays.mismatch(text, 0, end, texts[slot], 0, end);
        return parted < 0 ? end : parted;
    }

    private void rows(int slot, int[] text) {
        int first = held[slot], rows = Math.min(text.length - first, most - used);
        pieces.add(new Piece(slot, slot, 0, first, used, rows));
        for (int r = 0; r < rows; r++) {
            tokens[used + r] = text[first + r];
            positions[used + r] = first + r;
        }
        used += rows;
        held[slot] += rows;
        if (used == most) flush();
    }

    /** Reads what is still waiting. */
    void flush() {
        int rows = (used + Device.ROW_BLOCK - 1) / Device.ROW_BLOCK * Device.ROW_BLOCK;
        Arrays.fill(tokens, used, rows, 0);
        Arrays.fill(positions, used, rows, 0);
        if (used > 0) pass.run(tokens, 0, rows, this);
        else if (!pieces.isEmpty()) for (int l = 0; l < keys.length; l++) remember(l);
        read += used;
        pieces.clear();
        used = 0;
    }

    @Override
    public void attend(int layer, LlamaActivations a, int rows) {
        int heads = config.heads(), kvHeads = config.kvHeads(), d = config.headDim();
        device.ropeEach(a.query, rows, heads, d, rotary, capacity, positions);
        device.ropeEach(a.key, rows, kvHeads, d, rotary, capacity, positions);
        remember(layer);
        for (Piece p : pieces) {
            if (p.rows == 0) continue;
            Buffer k = keys[layer][p.slot], v = values[layer][p.slot], mixed = mixedRows[p.row];
            int context = p.first + p.rows;
            device.attend(mixed, queryRows[p.row], k, v, p.rows, context, capacity, heads, kvHeads, d);
        }
    }

    // In the order of arrival: a piece may copy what one before it writes, or what one after it overwrites.
    private void remember(int layer) {
        int kvHeads = config.kvHeads(), d = config.headDim();
        for (Piece p : pieces) {
            Buffer k = keys[layer][p.slot], v = values[layer][p.slot];
            if (p.shared > 0) {
                copy(keys[layer][p.source], k, p.shared);
                copy(values[layer][p.source], v, p.shared);
            }
            if (p.rows == 0) continue;
            device.append(k, v, keyRows[p.row], valueRows[p.row], p.rows, p.first, capacity, kvHeads, d);
        }
    }

    // Whole blocks; what comes after the entries is overwritten before it counts.
    private void copy(Buffer from, Buffer to, int entries) {
        long width = (long) capacity * config.headDim();
        long count = (long) Device.cacheCapacity(entries) * config.headDim();
        for (int g = 0; g < config.kvHeads(); g++) {
            device.copy(from.slice(g * width, count), to.slice(g * width, count), count);
        }
    }
}
