package dev.outrider.recipes;

import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A target with a chat template that takes no time: random layers under a head which says letters, and now and then
 * ends its turn. Its tokenizer has no merges, so GGUF can express it.
 */
final class ChatTarget {
    static final Tokenizer TOKENIZER =
            BpeTrainer.train(Map.of("\u2581abcdefghijklmnop", 9L), 278, List.of("<|im_start|>", "<|im_end|>"));
    private static final int END = TOKENIZER.specialId("<|im_end|>");
    private static final float NEVER = -4, RARELY = 0.5f, OFTEN = 0;

    private ChatTarget() {}

    static Path write(Path folder, int seed) throws IOException {
        ModelConfig config = ModelConfig.draft(TOKENIZER.size(), 32, 48, 3, 2, 256, 1, END);
        List<Tensor> tensors = Models.tensors(config, Seeds.generator(seed)).stream()
                .map(t -> t.shape().length < 2 ? ones(t) : matrix(t))
                .toList();
        HuggingFace.write(folder, config, tensors, Optional.of(TOKENIZER), Optional.empty());
        try (InputStream chatml = Tokenizer.class.getResourceAsStream("/dev/outrider/checkpoints/chat/chatml.jinja")) {
            Files.write(folder.resolve("chat_template.jinja"), chatml.readAllBytes());
        }
        return folder;
    }

    private static Tensor ones(Tensor norm) {
        float[] ones = new float[norm.floats().length];
        java.util.Arrays.fill(ones, 1);
        return Tensor.of(norm.name(), ones, norm.shape());
    }

    // Channel 0 of the residual stream is large and always the same: what the head has there is a token's bias.
    private static Tensor matrix(Tensor t) {
        float[] values = t.floats().clone();
        int width = (int) t.shape()[1];
        boolean head = t.name().equals("lm_head.weight"), embedding = t.name().equals("model.embed_tokens.weight");
        for (int i = 0; i < values.length; i++) {
            boolean first = i % width == 0;
            values[i] *= head || embedding ? 0.5f : 0.1f;
            if (first && embedding) values[i] = 3;
            if (first && head) values[i] = bias(i / width);
        }
        return Tensor.of(t.name(), values, t.shape());
    }

    private static float bias(int id) {
        if (id == END) return RARELY;
        return TOKENIZER.piece(id).codePointCount(0, TOKENIZER.piece(id).length()) == 1 ? OFTEN : NEVER;
    }
}
