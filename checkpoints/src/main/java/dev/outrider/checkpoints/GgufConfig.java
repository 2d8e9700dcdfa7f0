package dev.outrider.checkpoints;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.DoubleStream;

/**
 * The configuration of a LLaMA from the metadata of its GGUF file. Other architectures are refused by name,
 * and so is every key that would change the arithmetic and is not understood.
 */
final class GgufConfig {
    private static final String FAMILY = "llama";
    private static final List<String> FOREIGN = List.of(
            "expert_count",
            "expert_used_count",
            "attention.sliding_window",
            "attention.scale",
            "attention.clamp_kqv",
            "attention.temperature_length",
            "logit_scale",
            "residual_scale",
            "embedding_scale",
            "rope.scaling.attn_factor");
    // Divisors are float32.
    private static final double SAME = 1e-6;
    private final GgufFile file;
    private final GgufMetadata metadata;

    private GgufConfig(GgufFile file) {
        this.file = file;
        this.metadata = file.metadata();
    }

    /** @throws Failure DATA naming file and key */
    static ModelConfig read(GgufFile file) {
        return new GgufConfig(file).read();
    }

    private ModelConfig read() {
        refuseOthers();
        int vocab = vocabulary(), hidden = positive("embedding_length"), heads = positive("attention.head_count");
        int headDim = headDim(hidden, heads), kvHeads = kvHeads(heads);
        double theta = decimal("rope.freq_base").orElse(10000.0);
        return new ModelConfig(
                vocab,
                hidden,
                positive("feed_forward_length"),
                layers(),
                heads,
                kvHeads,
                headDim,
                positive("context_length"),
                metadata.required(key("attention.layer_norm_rms_epsilon"), decimal("attention.layer_norm_rms_epsilon")),
                theta,
                scaling(headDim, theta),
                !has(GgufNames.HEAD),
                has("blk.0.attn_q.bias") || has("blk.0.attn_output.bias"),
                has("blk.0.ffn_down.bias") || has("blk.0.ffn_up.bias"),
                id("bos", vocab),
                ends(vocab),
                id("padding", vocab),
                file.entries().get(GgufNames.EMBEDDING).type().plain().orElse(DType.F32));
    }

    private void refuseOthers() {
        String architecture = "general.architecture";
        if (!metadata.required(architecture, metadata.text(architecture)).equals(FAMILY)) {
            throw metadata.wrong(architecture, "\"llama\": other models cannot be run");
        }
        for (String name : FOREIGN) {
            Optional<Double> value = metadata.number(key(name));
            if (value.isPresent() && value.get() != 0) throw metadata.wrong(key(name), "a plain LLaMA, without it");
        }
        if (!metadata.flag(key("attention.causal")).orElse(true)) {
            throw metadata.wrong(key("attention.causal"), "true");
        }
    }

    private static String key(String name) {
        return FAMILY + "." + name;
    }

    private boolean has(String tensor) {
        return file.entries().containsKey(tensor);
    }

    private int positive(String name) {
        int value = metadata.required(key(name), metadata.integer(key(name)));
        if (value > 0) return value;
        throw metadata.wrong(key(name), "a number above 0");
    }

    private int positive(String name, int absent) {
        return metadata.has(key(name)) ? positive(name) : absent;
    }

    private int vocabulary() {
        if (!has(GgufNames.EMBEDDING)) {
            throw GgufCursor.refused(
                    file.path(), "tensor " + GgufNames.EMBEDDING, "no such tensor", "the embedding of a model");
        }
        return positive(
                "vocab_size", (int) file.entries().get(GgufNames.EMBEDDING).shape()[0]);
    }

    private int layers() {
        int layers = positive("block_count");
        if (layers <= LlamaLayout.MOST_LAYERS) return layers;
        throw metadata.wrong(key("block_count"), "at most " + LlamaLayout.MOST_LAYERS);
    }

    private int kvHeads(int heads) {
        int kv = positive("attention.head_count_kv", heads);
        if (heads % kv == 0) return kv;
        throw metadata.wrong(key("attention.head_count_kv"), "a divisor of attention.head_count, " + heads);
    }

    private int headDim(int hidden, int heads) {
        if (!metadata.has(key("attention.key_length")) && hidden % heads != 0) {
            throw metadata.wrong(key("embedding_length"), "a multiple of attention.head_count, " + heads);
        }
        int dim = positive("attention.key_length", hidden / heads);
        if (dim % 2 != 0) throw metadata.wrong(key("attention.key_length"), "an even number (rotary pairs)");
        for (String same : List.of("attention.value_length", "rope.dimension_count")) {
            if (positive(same, dim) != dim) throw metadata.wrong(key(same), "the size of a head, " + dim);
        }
        return dim;
    }

    // As it was before it became a float32: 1e-5 and not 9.999999747378752e-6.
    private Optional<Double> decimal(String name) {
        Optional<Double> value = metadata.number(key(name));
        if (value.isPresent() && !(value.get() > 0 && Double.isFinite(value.get()))) {
            throw metadata.wrong(key(name), "a number above 0");
        }
        return value.map(v -> v == (float) v.doubleValue() ? Double.parseDouble(Float.toString(v.floatValue())) : v);
    }

    private int id(String token, int vocab) {
        String key = "tokenizer.ggml." + token + "_token_id";
        if (metadata.number(key).orElse(-1.0) >= 0xffff_ffffL) return -1;
        int id = metadata.integer(key).orElse(-1);
        if (id < vocab) return Math.max(id, -1);
        throw metadata.wrong(key, "a token id below " + vocab);
    }

    // Chat models end an answer with a token of its own: both end it, as in llama.cpp.
    private List<Integer> ends(int vocab) {
        List<Integer> ends = new ArrayList<>();
        for (String token : List.of("eos", "eot")) {
            int id = id(token, vocab);
            if (id >= 0 && !ends.contains(id)) ends.add(id);
        }
        return ends;
    }

    private RopeScaling scaling(int headDim, double theta) {
        RopeScaling named = named();
        if (!has(GgufNames.ROPE_DIVISORS)) return named;
        if (!(named instanceof RopeScaling.None)) {
            throw GgufCursor.refused(
                    file.path(), "tensor " + GgufNames.ROPE_DIVISORS, "it beside rope.scaling.type", "one of the two");
        }
        return divisors(headDim, theta);
    }

    private RopeScaling named() {
        String type = metadata.text(key("rope.scaling.type")).orElse("none");
        Optional<Double> old = decimal("rope.scale_linear");
        if (old.isPresent() && type.equals("none")) return linear(old.get());
        return switch (type) {
            case "none" -> new RopeScaling.None();
            case "linear" -> linear(metadata.required(key("rope.scaling.factor"), decimal("rope.scaling.factor")));
            default -> throw metadata.wrong(key("rope.scaling.type"), "none or linear");
        };
    }

    private static RopeScaling linear(double factor) {
        return factor == 1 ? new RopeScaling.None() : new RopeScaling.Linear(factor);
    }

    private RopeScaling divisors(int headDim, double theta) {
        GgufFile.Entry entry = file.entries().get(GgufNames.ROPE_DIVISORS);
        if (!Arrays.equals(entry.shape(), new long[] {headDim / 2}) || entry.type() != GgufType.F32) {
            throw GgufCursor.refused(
                    file.path(),
                    "tensor " + entry.name(),
                    entry.type() + " " + Arrays.toString(entry.shape()),
                    "F32 [" + headDim / 2 + "], a divisor for each rotary pair");
        }
        double[] found = new Tensor(entry.name(), DType.F32, entry.shape(), file.data(entry)).doubles();
        if (!DoubleStream.of(found).allMatch(d -> d > 0 && Double.isFinite(d))) {
            throw GgufCursor.refused(file.path(), "tensor " + entry.name(), Arrays.toString(found), "numbers above 0");
        }
        return llama3(found, theta).orElseGet(() -> plain(found));
    }

    private static RopeScaling plain(double[] divisors) {
        if (DoubleStream.of(divisors).allMatch(d -> d == 1)) return new RopeScaling.None();
        return new RopeScaling.Divisors(DoubleStream.of(divisors).boxed().toList());
    }

    // The file holds what follows from LLaMA 3's four parameters; those ever published have low 1 and high 4.
    private static Optional<RopeScaling> llama3(double[] divisors, double theta) {
        double factor = DoubleStream.of(divisors).max().orElseThrow();
        for (int original = 16; factor > 1 && original <= 1 << 24; original *= 2) {
            RopeScaling guess = new RopeScaling.Llama3(factor, 1, 4, original);
            if (fits(guess, divisors, theta)) return Optional.of(guess);
        }
        return Optional.empty();
    }

    private static boolean fits(RopeScaling guess, double[] divisors, double theta) {
        double[] ours = guess.divisors(divisors.length, theta);
        for (int i = 0; i < ours.length; i++) {
            if (Math.abs(ours[i] - divisors[i]) > SAME * divisors[i]) return false;
        }
        return true;
    }
}
