package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** The layers' arrays as Hugging Face names and cuts them: the fused ones split by rows. */
final class HuggingFaceViews {
    private final List<Tensor> tensors = new ArrayList<>();
    private final ModelConfig config;
    private final BiFunction<LayerRun<?>, String, Buffer> memory;

    private HuggingFaceViews(ModelConfig config, BiFunction<LayerRun<?>, String, Buffer> memory) {
        this.config = config;
        this.memory = memory;
    }

    /**
     * @param layers embedding, blocks, head
     * @param memory {@link LayerRun#parameter} or {@link LayerRun#gradient}
     */
    static List<Tensor> of(
            ModelConfig config, List<LayerRun<?>> layers, BiFunction<LayerRun<?>, String, Buffer> memory) {
        HuggingFaceViews views = new HuggingFaceViews(config, memory);
        int c = config.hiddenSize();
        views.add("model.embed_tokens.weight", memory.apply(layers.getFirst(), TokenEmbedding.TABLE), c);
        for (int i = 0; i < config.layers(); i++) views.block("model.layers." + i + ".", layers.get(i + 1));
        views.add("model.norm.weight", memory.apply(layers.getLast(), LlamaHead.GAIN));
        views.add("lm_head.weight", memory.apply(layers.getLast(), LlamaHead.WEIGHT), c);
        return views.tensors;
    }

    private void block(String at, LayerRun<?> block) {
        int c = config.hiddenSize(), i = config.intermediateSize(), q = config.heads() * config.headDim();
        add(at + "input_layernorm.weight", memory.apply(block, LlamaBlock.ATTENTION_GAIN));
        qkv(at, ".weight", memory.apply(block, LlamaBlock.QKV), c);
        qkv(at, ".bias", memory.apply(block, LlamaBlock.QKV_BIAS));
        add(at + "self_attn.o_proj.weight", memory.apply(block, LlamaBlock.OUT), q);
        add(at + "self_attn.o_proj.bias", memory.apply(block, LlamaBlock.OUT_BIAS));
        add(at + "post_attention_layernorm.weight", memory.apply(block, LlamaBlock.MLP_GAIN));
        gateUp(at, ".weight", memory.apply(block, LlamaBlock.GATE_UP), c);
        gateUp(at, ".bias", memory.apply(block, LlamaBlock.GATE_UP_BIAS));
        add(at + "mlp.down_proj.weight", memory.apply(block, LlamaBlock.DOWN), i);
        add(at + "mlp.down_proj.bias", memory.apply(block, LlamaBlock.DOWN_BIAS));
    }

    private void qkv(String at, String ending, Buffer fused, long... in) {
        long q = (long) config.heads() * config.headDim(), kv = (long) config.kvHeads() * config.headDim();
        add(at + "self_attn.q_proj" + ending, rows(fused, 0, q, in), in);
        add(at + "self_attn.k_proj" + ending, rows(fused, q, kv, in), in);
        add(at + "self_attn.v_proj" + ending, rows(fused, q + kv, kv, in), in);
    }

    private void gateUp(String at, String ending, Buffer fused, long... in) {
        long i = config.intermediateSize();
        add(at + "mlp.gate_proj" + ending, rows(fused, 0, i, in), in);
        add(at + "mlp.up_proj" + ending, rows(fused, i, i, in), in);
    }

    private static Buffer rows(Buffer fused, long first, long count, long... in) {
        long width = Tensor.elements(in);
        return fused == null ? null : fused.slice(first * width, count * width);
    }

    /** @param in the matrix's inner size; none for a vector */
    private void add(String name, Buffer buffer, long... in) {
        if (buffer == null) return;
        long out = buffer.elements() / Tensor.elements(in);
        long[] shape = in.length == 0 ? new long[] {out} : new long[] {out, in[0]};
        tensors.add(new Tensor(name, DType.F32, shape, HostArrays.memory(buffer)));
    }
}
