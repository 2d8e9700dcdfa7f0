package dev.outrider.checkpoints;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The tensors that a LLaMA of a given configuration has, by their Hugging Face names, and the check that a
 * model has exactly these: none absent, none of another shape, none left over that nobody would read.
 */
final class LlamaLayout {
    static final String EMBEDDING = "model.embed_tokens.weight", HEAD = "lm_head.weight";
    static final Set<DType> WEIGHTS = EnumSet.of(DType.F32, DType.BF16, DType.F16);
    private static final String TIED =
            "If the head is the embedding, set tie_word_embeddings to true; else get the whole model.";
    /** Beyond it a number of layers is a damaged file. */
    static final int MOST_LAYERS = 10_000;

    private final Map<String, long[]> shapes = new LinkedHashMap<>();
    private final ModelConfig config;

    LlamaLayout(ModelConfig config) {
        this.config = config;
        int c = config.hiddenSize();
        shapes.put(EMBEDDING, new long[] {config.vocabSize(), c});
        for (int i = 0; i < config.layers(); i++) layer("model.layers." + i + ".");
        shapes.put("model.norm.weight", new long[] {c});
        if (!config.tiedEmbeddings()) shapes.put(HEAD, new long[] {config.outputSize(), c});
        if (config.pruned()) map();
    }

    private void map() {
        shapes.put(DraftVocabulary.D2T, new long[] {config.outputSize()});
        shapes.put(DraftVocabulary.T2D, new long[] {config.vocabSize()});
    }

    private void layer(String at) {
        int c = config.hiddenSize(), i = config.intermediateSize();
        long q = (long) config.heads() * config.headDim(), kv = (long) config.kvHeads() * config.headDim();
        boolean attention = config.attentionBias(), mlp = config.mlpBias();
        shapes.put(at + "input_layernorm.weight", new long[] {c});
        linear(at + "self_attn.q_proj", q, c, attention);
        linear(at + "self_attn.k_proj", kv, c, attention);
        linear(at + "self_attn.v_proj", kv, c, attention);
        linear(at + "self_attn.o_proj", c, q, attention);
        shapes.put(at + "post_attention_layernorm.weight", new long[] {c});
        linear(at + "mlp.gate_proj", i, c, mlp);
        linear(at + "mlp.up_proj", i, c, mlp);
        linear(at + "mlp.down_proj", c, i, mlp);
    }

    private void linear(String name, long out, long in, boolean bias) {
        shapes.put(name + ".weight", new long[] {out, in});
        if (bias) shapes.put(name + ".bias", new long[] {out});
    }

    /** Names and shapes, from the embedding to the head and the map of its rows. */
    Map<String, long[]> shapes() {
        return shapes;
    }

    /** @throws Failure DATA naming the first tensor that does not fit */
    void check(Weights weights) {
        shapes.forEach((name, shape) -> checkOne(weights, name, shape));
        Set<String> others = others(weights, shapes.keySet());
        others.removeIf(name -> redundant(weights, name));
        if (!others.isEmpty()) throw leftOver(weights, others, kind());
        if (config.pruned()) DraftVocabulary.read(weights, config);
    }

    private String kind() {
        return "a LLaMA with " + config.layers() + " layers, attention_bias " + config.attentionBias() + ", mlp_bias "
                + config.mlpBias();
    }

    /** Names of tensors that the shapes do not name, in order. */
    static Set<String> others(Weights weights, Set<String> named) {
        Set<String> others = new TreeSet<>(weights.names());
        others.removeAll(named);
        return others;
    }

    /** The first of the tensors that nobody would read. */
    static Failure leftOver(Weights weights, Set<String> others, String kind) {
        return Failure.data(
                weights.place(others.iterator().next()),
                others.size() + " tensor(s) that the configuration has no place for: " + brief(others),
                "tensors of " + kind,
                "Correct config.json, or use a plain LLaMA checkpoint.");
    }

    private static void checkOne(Weights weights, String name, long[] shape) {
        if (optional(name) && !weights.names().contains(name)) return;
        require(
                weights,
                name,
                shape,
                types(name),
                name.equals(HEAD) ? TIED : "Get the whole model, or correct its config.json.");
    }

    /** @throws Failure DATA unless there is such a tensor, of such a shape and of one of these types */
    static void require(Weights weights, String name, long[] shape, Set<DType> types, String ifAbsent) {
        if (!weights.names().contains(name)) {
            throw Failure.data(
                    weights.place(name),
                    "no such tensor",
                    "shape " + Arrays.toString(shape) + " by the configuration",
                    ifAbsent);
        }
        if (!Arrays.equals(weights.shape(name), shape)) {
            throw Failure.data(
                    weights.place(name),
                    "shape " + Arrays.toString(weights.shape(name)),
                    Arrays.toString(shape) + " by the configuration",
                    "Configuration and weights belong to different models.");
        }
        DType type = weights.dtype(name);
        if (!types.contains(type)) {
            throw Failure.data(weights.place(name), "type " + type, "one of " + types, "Convert the model's weights.");
        }
    }

    private static Set<DType> types(String name) {
        return switch (name) {
            case DraftVocabulary.D2T -> EnumSet.of(DType.I64);
            case DraftVocabulary.T2D -> EnumSet.of(DType.BOOL);
            default -> WEIGHTS;
        };
    }

    /** Whether a model is whole without it: the mask says nothing that the map does not. */
    static boolean optional(String name) {
        return name.equals(DraftVocabulary.T2D);
    }

    // Old files hold rotary frequencies, which follow from the configuration, and tied ones the embedding twice.
    private boolean redundant(Weights weights, String name) {
        if (name.endsWith(".rotary_emb.inv_freq")) return true;
        if (!name.equals(HEAD) || !config.tiedEmbeddings()) return false;
        if (weights.tensor(HEAD).data().mismatch(weights.tensor(EMBEDDING).data()) < 0) return true;
        throw Failure.data(
                weights.place(HEAD),
                "a head that differs from the embedding",
                "none, or the same bytes, as tie_word_embeddings is true",
                "Set tie_word_embeddings to false if the head is meant.");
    }

    private static String brief(Set<String> names) {
        String some = String.join(", ", names.stream().limit(4).toList());
        return names.size() > 4 ? some + ", ..." : some;
    }
}
