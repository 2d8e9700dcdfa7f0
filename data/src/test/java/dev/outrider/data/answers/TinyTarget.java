package dev.outrider.data.answers;

import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.TestTokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** A model of a few thousand random weights, with a tokenizer. */
final class TinyTarget {
    static final int CONTEXT = 48;

    private TinyTarget() {}

    static Path write(Path folder) {
        return write(folder, -1);
    }

    /** With a token that makes no numbers of all that comes after it; -1: none. */
    static Path write(Path folder, int broken) {
        Tokenizer tokenizer = TestTokenizer.train();
        ModelConfig config =
                ModelConfig.draft(tokenizer.size(), 16, 40, 2, 2, CONTEXT, tokenizer.bosId(), tokenizer.eosId());
        HuggingFace.write(folder, config, tensors(config, broken), Optional.of(tokenizer), Optional.empty());
        return folder;
    }

    private static List<Tensor> tensors(ModelConfig config, int broken) {
        RandomGenerator random = Seeds.generator(17);
        int v = config.vocabSize(), c = config.hiddenSize(), i = config.intermediateSize();
        List<Tensor> out = new ArrayList<>();
        float[] embedding = Seeds.normal(random, v * c, 0.4);
        if (broken >= 0) embedding[broken * c] = Float.NaN;
        out.add(Tensor.of("model.embed_tokens.weight", embedding, v, c));
        for (int l = 0; l < config.layers(); l++) {
            String layer = "model.layers." + l + ".";
            for (String name : List.of("q", "k", "v", "o")) {
                out.add(normal(random, layer + "self_attn." + name + "_proj.weight", c, c));
            }
            out.add(normal(random, layer + "mlp.gate_proj.weight", i, c));
            out.add(normal(random, layer + "mlp.up_proj.weight", i, c));
            out.add(normal(random, layer + "mlp.down_proj.weight", c, i));
            out.add(ones(layer + "input_layernorm.weight", c));
            out.add(ones(layer + "post_attention_layernorm.weight", c));
        }
        out.add(ones("model.norm.weight", c));
        out.add(normal(random, "lm_head.weight", v, c));
        return out;
    }

    private static Tensor normal(RandomGenerator random, String name, int rows, int columns) {
        return Tensor.of(name, Seeds.normal(random, rows * columns, 0.4), rows, columns);
    }

    private static Tensor ones(String name, int size) {
        float[] ones = new float[size];
        java.util.Arrays.fill(ones, 1);
        return Tensor.of(name, ones, size);
    }
}
