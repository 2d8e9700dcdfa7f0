package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * config.json and generation_config.json of a LlamaForCausalLM, both ways. Absent keys take the defaults of
 * transformers' LlamaConfig; what would change the arithmetic and is not understood is refused by name.
 */
final class HuggingFaceConfig {
    static final String FILE = "config.json", GENERATION = "generation_config.json";
    private static final String OUTPUTS = "draft_vocab_size";
    private static final String ARCHITECTURE = "LlamaForCausalLM";
    private static final String SCALINGS = "default, linear, llama3, or longrope with one list of factors";
    private static final String OTHER_MODEL = "Use a plain LLaMA, or a LLaVA of its kind; others cannot be run.";

    private HuggingFaceConfig() {}

    /** @throws Failure DATA naming file and key */
    static ModelConfig read(Path folder) {
        return language(folder, Json.read(folder.resolve(FILE)));
    }

    /** The shape that keys give which may stand within another model's configuration. */
    static ModelConfig language(Path folder, Keys keys) {
        refuseOthers(keys);
        int vocab = keys.positive("vocab_size"), hidden = keys.positive("hidden_size");
        int heads = keys.positive("num_attention_heads");
        int headDim = headDim(keys, hidden, heads);
        Optional<Keys> rope = keys.object("rope_parameters").or(() -> keys.object("rope_scaling"));
        return new ModelConfig(
                vocab,
                hidden,
                keys.positive("intermediate_size"),
                layers(keys),
                heads,
                kvHeads(keys, heads),
                headDim,
                keys.positive("max_position_embeddings", 2048),
                keys.number("rms_norm_eps", 1e-6),
                keys.number(
                        "rope_theta",
                        rope.map(r -> r.number("rope_theta", 10000)).orElse(10000.0)),
                rope.map(r -> scaling(r, headDim / 2)).orElse(new RopeScaling.None()),
                keys.flag("tie_word_embeddings", false),
                keys.flag("attention_bias", false),
                keys.flag("mlp_bias", false),
                bos(keys, vocab),
                eos(folder, keys, vocab),
                pad(keys, vocab),
                dtype(keys),
                outputs(keys, vocab));
    }

    private static void refuseOthers(Keys keys) {
        JsonNode names = keys.node().path("architectures");
        if (keys.has("architectures")
                && !(names.size() == 1 && names.path(0).asText().equals(ARCHITECTURE))) {
            throw keys.wrong("architectures", "[\"" + ARCHITECTURE + "\"]", OTHER_MODEL);
        }
        boolean named = keys.has("architectures");
        if (!keys.text("model_type").map("llama"::equals).orElse(named))
            throw keys.wrong("model_type", "llama", OTHER_MODEL);
        if (!keys.text("hidden_act").orElse("silu").equals("silu")) throw keys.wrong("hidden_act", "silu", OTHER_MODEL);
        if (keys.has("quantization_config")) {
            throw keys.wrong("quantization_config", "none", "Use the model's F32, BF16 or F16 checkpoint.");
        }
        if (keys.number("partial_rotary_factor", 1) != 1) throw keys.wrong("partial_rotary_factor", "1", OTHER_MODEL);
    }

    private static int layers(Keys keys) {
        int layers = keys.positive("num_hidden_layers");
        if (layers <= LlamaLayout.MOST_LAYERS) return layers;
        throw keys.wrong("num_hidden_layers", "at most " + LlamaLayout.MOST_LAYERS);
    }

    private static int kvHeads(Keys keys, int heads) {
        int kv = keys.positive("num_key_value_heads", heads);
        if (heads % kv != 0) throw keys.wrong("num_key_value_heads", "a divisor of num_attention_heads, " + heads);
        return kv;
    }

    private static int headDim(Keys keys, int hidden, int heads) {
        if (!keys.has("head_dim") && hidden % heads != 0) {
            throw keys.wrong(
                    "hidden_size", "a multiple of num_attention_heads, " + heads + ", where head_dim is absent");
        }
        int dim = keys.positive("head_dim", Math.max(1, hidden / heads));
        if (dim % 2 == 0) return dim;
        throw keys.wrong(
                keys.has("head_dim") ? "head_dim" : "hidden_size", "an even head_dim (rotary pairs), not " + dim);
    }

    private static RopeScaling scaling(Keys rope, int pairs) {
        String key = rope.has("rope_type") || !rope.has("type") ? "rope_type" : "type";
        return switch (rope.text(key).orElseThrow(() -> rope.wrong(key, SCALINGS))) {
            case "default" -> new RopeScaling.None();
            case "linear" -> new RopeScaling.Linear(rope.number("factor"));
            case "llama3" -> llama3(rope);
            case "longrope" -> divisors(rope, pairs);
            default ->
                throw rope.wrong(key, SCALINGS, "Use a model with one of these; ignoring it would give wrong answers.");
        };
    }

    private static RopeScaling llama3(Keys rope) {
        double low = rope.number("low_freq_factor"), high = rope.number("high_freq_factor");
        if (high <= low) throw rope.wrong("high_freq_factor", "more than low_freq_factor, " + low);
        int original = rope.positive("original_max_position_embeddings");
        return new RopeScaling.Llama3(rope.number("factor"), low, high, original);
    }

    // longrope with the same factors for short and long texts, and attention as it is, is one list of divisors.
    private static RopeScaling divisors(Keys rope, int pairs) {
        List<Double> factors = rope.numbers("short_factor");
        if (factors.size() != pairs) throw rope.wrong("short_factor", pairs + " factors, one a rotary pair");
        if (!factors.equals(rope.numbers("long_factor"))) throw rope.wrong("long_factor", "the list of short_factor");
        if (rope.number("attention_factor") != 1) throw rope.wrong("attention_factor", "1");
        return new RopeScaling.Divisors(factors);
    }

    // LlamaConfig's defaults are 1 and 2; an explicit null means none.
    private static int bos(Keys keys, int vocab) {
        if (!keys.node().has("bos_token_id")) return 1;
        List<Integer> ids = keys.ids("bos_token_id", vocab);
        return ids.isEmpty() ? -1 : ids.getFirst();
    }

    // As transformers' generate: what generation_config.json names goes before config.json.
    private static List<Integer> eos(Path folder, Keys keys, int vocab) {
        Path generation = folder.resolve(GENERATION);
        if (Files.exists(generation)) {
            List<Integer> ids = Json.read(generation).ids("eos_token_id", vocab);
            if (!ids.isEmpty()) return ids;
        }
        return keys.node().has("eos_token_id") ? keys.ids("eos_token_id", vocab) : List.of(2);
    }

    // Published LLaMA configurations also say -1, or an id beyond the vocabulary: then there is none.
    private static int pad(Keys keys, int vocab) {
        int id = keys.node().path("pad_token_id").asInt(-1);
        return id < vocab ? Math.max(id, -1) : -1;
    }

    private static int outputs(Keys keys, int vocab) {
        int outputs = keys.positive(OUTPUTS, vocab);
        if (outputs > vocab) throw keys.wrong(OUTPUTS, "at most vocab_size, " + vocab);
        if (outputs == vocab || !keys.flag("tie_word_embeddings", false)) return outputs;
        throw keys.wrong(OUTPUTS, "vocab_size, " + vocab + ", where tie_word_embeddings is true");
    }

    static DType dtype(Keys keys) {
        String key = keys.has("dtype") ? "dtype" : "torch_dtype";
        return switch (keys.text(key).orElse("float32")) {
            case "float32" -> DType.F32;
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            default -> throw keys.wrong(key, "float32, bfloat16 or float16");
        };
    }

    /** Both files, so that {@link #read} gives an equal configuration. */
    static void write(Path folder, ModelConfig config) throws IOException {
        Json.write(folder.resolve(FILE), model(config));
        writeGeneration(folder, config);
    }

    static void writeGeneration(Path folder, ModelConfig config) throws IOException {
        ObjectNode generation = Json.MAPPER.createObjectNode().put("_from_model_config", true);
        ids(generation, config);
        Json.write(folder.resolve(GENERATION), generation);
    }

    /** What config.json says of a LLaMA. */
    static ObjectNode model(ModelConfig c) {
        ObjectNode json = Json.MAPPER.createObjectNode();
        json.putArray("architectures").add(ARCHITECTURE);
        json.put("model_type", "llama").put("hidden_act", "silu");
        json.put("vocab_size", c.vocabSize()).put("hidden_size", c.hiddenSize());
        json.put("intermediate_size", c.intermediateSize()).put("num_hidden_layers", c.layers());
        json.put("num_attention_heads", c.heads())
                .put("num_key_value_heads", c.kvHeads())
                .put("head_dim", c.headDim());
        json.put("max_position_embeddings", c.maxPositions()).put("rms_norm_eps", c.rmsNormEps());
        json.put("rope_theta", c.ropeTheta()).set("rope_scaling", scaling(c.ropeScaling()));
        json.put("tie_word_embeddings", c.tiedEmbeddings());
        json.put("attention_bias", c.attentionBias()).put("mlp_bias", c.mlpBias());
        if (c.pruned()) json.put(OUTPUTS, c.outputSize());
        ids(json, c);
        // transformers reads dtype from 4.56 on, everybody else torch_dtype.
        return json.put("dtype", name(c.dtype())).put("torch_dtype", name(c.dtype()));
    }

    private static JsonNode scaling(RopeScaling scaling) {
        ObjectNode json = Json.MAPPER.createObjectNode();
        return switch (scaling) {
            case RopeScaling.None n -> Json.MAPPER.nullNode();
            case RopeScaling.Linear l -> json.put("rope_type", "linear").put("factor", l.factor());
            case RopeScaling.Llama3 l ->
                json.put("rope_type", "llama3")
                        .put("factor", l.factor())
                        .put("low_freq_factor", l.lowFreqFactor())
                        .put("high_freq_factor", l.highFreqFactor())
                        .put("original_max_position_embeddings", l.originalMaxPositions());
            case RopeScaling.Divisors d -> {
                d.values().forEach(json.putArray("short_factor")::add);
                d.values().forEach(json.putArray("long_factor")::add);
                yield json.put("rope_type", "longrope").put("factor", 1.0).put("attention_factor", 1.0);
            }
        };
    }

    private static void ids(ObjectNode json, ModelConfig c) {
        if (c.padId() >= 0) json.put("pad_token_id", c.padId());
        if (c.bosId() < 0) json.putNull("bos_token_id");
        else json.put("bos_token_id", c.bosId());
        List<Integer> eos = new ArrayList<>(c.eosIds());
        if (eos.isEmpty()) json.putNull("eos_token_id");
        else if (eos.size() == 1) json.put("eos_token_id", eos.getFirst());
        else eos.forEach(json.putArray("eos_token_id")::add);
    }

    /** As torch calls the type. */
    static String name(DType type) {
        return switch (type) {
            case F32 -> "float32";
            case BF16 -> "bfloat16";
            case F16 -> "float16";
            default -> throw new IllegalArgumentException("weights are not stored as " + type);
        };
    }
}
