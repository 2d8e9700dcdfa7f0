package dev.outrider.checkpoints;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** llama.cpp's names of a LLaMA's tensors and those of Hugging Face. */
final class GgufNames {
    static final String EMBEDDING = "token_embd.weight", HEAD = "output.weight", ROPE_DIVISORS = "rope_freqs.weight";
    private static final Map<String, String> WHOLE =
            Map.of(EMBEDDING, LlamaLayout.EMBEDDING, "output_norm.weight", "model.norm.weight", HEAD, LlamaLayout.HEAD);
    private static final Map<String, String> PARTS = Map.of(
            "attn_norm", "input_layernorm",
            "attn_q", "self_attn.q_proj",
            "attn_k", "self_attn.k_proj",
            "attn_v", "self_attn.v_proj",
            "attn_output", "self_attn.o_proj",
            "ffn_norm", "post_attention_layernorm",
            "ffn_gate", "mlp.gate_proj",
            "ffn_up", "mlp.up_proj",
            "ffn_down", "mlp.down_proj");
    private static final Map<String, String> WHOLE_BACK = reversed(WHOLE), PARTS_BACK = reversed(PARTS);
    private static final Pattern GGUF = Pattern.compile("blk\\.(\\d+)\\.(\\w+)\\.(weight|bias)");
    private static final Pattern HUGGING_FACE = Pattern.compile("model\\.layers\\.(\\d+)\\.([\\w.]+)\\.(weight|bias)");

    private GgufNames() {}

    private static Map<String, String> reversed(Map<String, String> map) {
        return map.entrySet().stream().collect(Collectors.toMap(Map.Entry::getValue, Map.Entry::getKey));
    }

    /** Empty for tensors that a LLaMA does not have. */
    static Optional<String> huggingFace(String gguf) {
        if (WHOLE.containsKey(gguf)) return Optional.of(WHOLE.get(gguf));
        Matcher m = GGUF.matcher(gguf);
        if (!m.matches() || !PARTS.containsKey(m.group(2))) return Optional.empty();
        return Optional.of("model.layers." + m.group(1) + "." + PARTS.get(m.group(2)) + "." + m.group(3));
    }

    /** @param huggingFace a tensor of {@link LlamaLayout} */
    static String gguf(String huggingFace) {
        if (WHOLE_BACK.containsKey(huggingFace)) return WHOLE_BACK.get(huggingFace);
        Matcher m = HUGGING_FACE.matcher(huggingFace);
        if (!m.matches() || !PARTS_BACK.containsKey(m.group(2))) throw new IllegalArgumentException(huggingFace);
        return "blk." + m.group(1) + "." + PARTS_BACK.get(m.group(2)) + "." + m.group(3);
    }
}
