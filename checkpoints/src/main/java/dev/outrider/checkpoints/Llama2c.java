package dev.outrider.checkpoints;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A {@code .bin} of <a href="https://github.com/karpathy/llama2.c">llama2.c</a> (its legacy form): seven
 * int32 (dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len; a negative vocab_size means a
 * head of its own), then float32 matrices, each kind for all layers together. Its rotation takes
 * neighbouring channels (2i, 2i+1), Hugging Face's channels (i, i + D/2): the rows of queries and keys are
 * put into that order, in a copy made when they are first asked for; everything else stays in the file.
 */
final class Llama2c implements Weights {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final List<String> FIELDS =
            List.of("dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len");
    private static final int VOCAB = 5, HEADER = 4 * FIELDS.size(), VERSIONED = 0x616b3432;
    private static final String REMEDY = "Get the file again, or export it in llama2.c's legacy form (version 0).";
    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final ModelConfig config;
    private final Map<String, long[]> shapes;
    private final Map<String, Long> offsets = new LinkedHashMap<>();
    private final Map<String, Tensor> permuted = new ConcurrentHashMap<>();

    private Llama2c(Path path, Arena arena, MemorySegment bytes) {
        this.path = path;
        this.arena = arena;
        this.bytes = bytes;
        this.config = readHeader();
        this.shapes = new LlamaLayout(config).shapes();
        checkSize();
    }

    /** @throws Failure DATA where header and size do not fit together */
    static Llama2c open(Path path) {
        return MappedFile.open(path, (arena, bytes) -> new Llama2c(path, arena, bytes));
    }

    /** rms eps 1e-5, theta 10,000, BOS 1 and EOS 2 are constants of llama2.c. */
    ModelConfig config() {
        return config;
    }

    private ModelConfig readHeader() {
        if (bytes.byteSize() < HEADER) throw refused("offset 0", bytes.byteSize() + " bytes", "a header of " + HEADER);
        if (bytes.get(INT, 0) == VERSIONED) {
            throw refused(
                    "offset 0", "version " + bytes.get(INT, 4) + " of the form", "the legacy form, without magic");
        }
        int[] h = new int[FIELDS.size()];
        for (int i = 0; i < h.length; i++) h[i] = field(i);
        int dim = h[0], heads = h[3], kvHeads = h[4];
        if (dim % heads != 0 || dim / heads % 2 != 0) throw wrong(0, "an even multiple of n_heads, " + heads);
        if (heads % kvHeads != 0) throw wrong(4, "a divisor of n_heads, " + heads);
        if (h[2] > LlamaLayout.MOST_LAYERS) throw wrong(2, "at most " + LlamaLayout.MOST_LAYERS);
        boolean tied = bytes.get(INT, 4L * VOCAB) > 0;
        return new ModelConfig(
                h[5],
                dim,
                h[1],
                h[2],
                heads,
                kvHeads,
                dim / heads,
                h[6],
                1e-5,
                10000,
                new RopeScaling.None(),
                tied,
                false,
                false,
                1,
                List.of(2),
                DType.F32);
    }

    private int field(int i) {
        int value = bytes.get(INT, 4L * i);
        if (i == VOCAB && value != Integer.MIN_VALUE) value = Math.abs(value);
        if (value > 0) return value;
        throw wrong(i, "a number above 0");
    }

    private Failure wrong(int field, String expected) {
        String found = FIELDS.get(field) + " " + bytes.get(INT, 4L * field);
        return refused("offset " + 4 * field, found, expected);
    }

    private Failure refused(String place, String found, String expected) {
        return Failure.data(path + ", " + place, found, expected, REMEDY);
    }

    /** Fills offsets, in the file's order; returns where the last tensor ends. */
    private long end() {
        long at = one(LlamaLayout.EMBEDDING, HEADER);
        at = all("input_layernorm", at);
        for (String p : List.of("q", "k", "v", "o")) at = all("self_attn." + p + "_proj", at);
        at = all("post_attention_layernorm", at);
        for (String p : List.of("gate", "down", "up")) at = all("mlp." + p + "_proj", at);
        at = one("model.norm.weight", at);
        // cos and sin tables [seq_len, D/2] each, which follow from the configuration
        at = Math.addExact(at, Math.multiplyExact(4L * config.maxPositions(), config.headDim()));
        return config.tiedEmbeddings() ? at : one(LlamaLayout.HEAD, at);
    }

    private long all(String part, long at) {
        for (int i = 0; i < config.layers(); i++) at = one("model.layers." + i + "." + part + ".weight", at);
        return at;
    }

    private long one(String name, long at) {
        offsets.put(name, at);
        return Math.addExact(at, size(name));
    }

    private long size(String name) {
        return Math.multiplyExact(4L, Tensor.elements(shapes.get(name)));
    }

    private void checkSize() {
        String expected;
        try {
            long end = end();
            if (bytes.byteSize() == end) return;
            expected = end + " bytes";
        } catch (ArithmeticException e) {
            expected = "more than 2^63 bytes";
        }
        throw refused("size", bytes.byteSize() + " bytes", expected + " by the header, " + config);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(shapes.keySet());
    }

    @Override
    public Tensor tensor(String name) {
        if (!offsets.containsKey(name))
            throw refused("tensor " + name, "no such tensor", "one of its " + shapes.size());
        if (RotaryRows.concerns(name)) {
            return permuted.computeIfAbsent(name, n -> halfSplit(stored(n)));
        }
        return stored(name);
    }

    private Tensor stored(String name) {
        return new Tensor(name, DType.F32, shapes.get(name).clone(), bytes.asSlice(offsets.get(name), size(name)));
    }

    private Tensor halfSplit(Tensor from) {
        MemorySegment to = arena.allocate(from.data().byteSize(), 64);
        RotaryRows.toHalfSplit(from.data(), to, 4L * config.hiddenSize(), config.headDim());
        return new Tensor(from.name(), DType.F32, from.shape(), to);
    }

    @Override
    public String place(String name) {
        return path + ", tensor " + name;
    }

    @Override
    public void close() {
        arena.close();
    }
}
