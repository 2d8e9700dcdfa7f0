package dev.outrider.checkpoints;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a LLaMA as the GGUF that llama.cpp reads: its names of tensors, rows of queries and keys as
 * neighbours, gains and biases in F32, tied heads left out, LLaMA 3's frequencies as divisors. What this
 * writes, {@link Checkpoint} opens.
 */
public final class Gguf {
    private final ModelConfig config;
    private final GivenTensors tensors;
    private final GgufType stored;

    private Gguf(ModelConfig config, List<Tensor> tensors, GgufType stored) {
        this.config = config;
        this.tensors = new GivenTensors(tensors);
        this.stored = stored;
    }

    /**
     * Writes the file atomically, replacing an old one.
     *
     * @param tensors all of the configuration's, by their Hugging Face names, in F32, BF16 or F16
     * @param stored F32, F16, BF16 or Q8_0, for matrices; those whose rows are no whole blocks of Q8_0 are F16
     * @param name of the model, for people
     * @param vocabulary tokenizer and chat template
     * @throws Failure DATA where tensors and configuration do not fit, or a value is out of the type's range;
     *     USAGE for a model that GGUF cannot hold; MACHINE or USAGE where the file cannot be written
     */
    public static void write(
            Path file,
            ModelConfig config,
            List<Tensor> tensors,
            GgufType stored,
            String name,
            GgufVocabulary vocabulary) {
        if (!stored.isWritten()) throw new IllegalArgumentException(stored + " is only read");
        Gguf gguf = new Gguf(config, tensors, stored);
        gguf.check(file);
        Map<String, GgufValue> metadata = gguf.metadata(name);
        metadata.putAll(vocabulary.of(config).metadata());
        List<GgufWriter.Item> items = gguf.items();
        AtomicFiles.file(file, temporary -> GgufWriter.write(temporary, metadata, items));
    }

    private void check(Path file) {
        if (config.pruned()) {
            throw Failure.usage(
                    file.toString(),
                    "a draft that says " + config.outputSize() + " of " + config.vocabSize() + " tokens",
                    "a model with a row of its head for every token",
                    "Pad its vocabulary first.");
        }
        new LlamaLayout(config).check(tensors);
    }

    private Map<String, GgufValue> metadata(String name) {
        Map<String, GgufValue> m = new LinkedHashMap<>();
        m.put("general.architecture", GgufValue.of("llama"));
        m.put("general.type", GgufValue.of("model"));
        m.put("general.name", GgufValue.of(name));
        m.put("general.file_type", GgufValue.uint32(fileType()));
        if (stored == GgufType.Q8_0) m.put("general.quantization_version", GgufValue.uint32(2));
        size(m, "vocab_size", config.vocabSize());
        size(m, "context_length", config.maxPositions());
        size(m, "embedding_length", config.hiddenSize());
        size(m, "block_count", config.layers());
        size(m, "feed_forward_length", config.intermediateSize());
        size(m, "attention.head_count", config.heads());
        size(m, "attention.head_count_kv", config.kvHeads());
        size(m, "attention.key_length", config.headDim());
        size(m, "attention.value_length", config.headDim());
        size(m, "rope.dimension_count", config.headDim());
        m.put("llama.rope.freq_base", GgufValue.float32(config.ropeTheta()));
        m.put("llama.attention.layer_norm_rms_epsilon", GgufValue.float32(config.rmsNormEps()));
        if (config.ropeScaling() instanceof RopeScaling.Linear linear) {
            m.put("llama.rope.scaling.type", GgufValue.of("linear"));
            m.put("llama.rope.scaling.factor", GgufValue.float32(linear.factor()));
        }
        return m;
    }

    private static void size(Map<String, GgufValue> m, String key, int value) {
        m.put("llama." + key, GgufValue.uint32(value));
    }

    // llama.cpp's llama_ftype.
    private int fileType() {
        return switch (stored) {
            case F32 -> 0;
            case F16 -> 1;
            case Q8_0 -> 7;
            case BF16 -> 32;
            default -> throw new IllegalArgumentException(stored + " is only read");
        };
    }

    private List<GgufWriter.Item> items() {
        List<GgufWriter.Item> items = new ArrayList<>();
        RopeScaling scaling = config.ropeScaling();
        if (scaling instanceof RopeScaling.Llama3 || scaling instanceof RopeScaling.Divisors) {
            items.add(new GgufWriter.Item(GgufNames.ROPE_DIVISORS, GgufType.F32, divisors(), 0));
        }
        for (String name : new LlamaLayout(config).shapes().keySet()) items.add(item(tensors.tensor(name)));
        return items;
    }

    private Tensor divisors() {
        double[] divisors = config.ropeScaling().divisors(config.headDim() / 2, config.ropeTheta());
        float[] floats = new float[divisors.length];
        for (int i = 0; i < floats.length; i++) floats[i] = (float) divisors[i];
        return Tensor.of(GgufNames.ROPE_DIVISORS, floats, floats.length);
    }

    private GgufWriter.Item item(Tensor t) {
        return new GgufWriter.Item(
                GgufNames.gguf(t.name()), type(t), t, RotaryRows.concerns(t.name()) ? config.headDim() : 0);
    }

    private GgufType type(Tensor t) {
        if (t.shape().length == 1) return GgufType.F32;
        return t.shape()[1] % stored.values == 0 ? stored : GgufType.F16;
    }
}
