package dev.outrider.trainer.layer;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import java.util.ArrayList;
import java.util.List;

/** The arrays of a tower's layers as a CLIPVisionModel names and cuts them: q, k and v apart. */
final class TowerViews {
    private final List<Tensor> tensors = new ArrayList<>();
    private final long channels;

    private TowerViews(ClipConfig config) {
        channels = config.hiddenSize();
    }

    /** @param layers embedding, blocks, projection, whose norm alone is the tower's */
    static List<Tensor> of(ClipConfig config, List<LayerRun<?>> layers) {
        TowerViews views = new TowerViews(config);
        views.entrance(config, layers.getFirst());
        for (int i = 1; i < layers.size() - 1; i++) views.block("encoder.layers." + (i - 1) + ".", layers.get(i));
        views.norm("post_layernorm", layers.getLast(), PooledProjection.GAIN, PooledProjection.BIAS);
        return views.tensors;
    }

    private void entrance(ClipConfig config, LayerRun<?> layer) {
        long p = config.patchSize();
        add("embeddings.class_embedding", layer.parameter(PatchEmbedding.CLASS));
        add("embeddings.patch_embedding.weight", layer.parameter(PatchEmbedding.PATCHES), config.channels(), p, p);
        add("embeddings.position_embedding.weight", layer.parameter(PatchEmbedding.POSITIONS), channels);
        norm("pre_layrnorm", layer, PatchEmbedding.GAIN, PatchEmbedding.BIAS);
    }

    private void block(String at, LayerRun<?> block) {
        norm(at + "layer_norm1", block, TowerBlock.ATTENTION_GAIN, TowerBlock.ATTENTION_BIAS);
        Buffer fused = block.parameter(TowerBlock.QKV), bias = block.parameter(TowerBlock.QKV_BIAS);
        String[] parts = {"q_proj", "k_proj", "v_proj"};
        for (int i = 0; i < parts.length; i++) {
            long c = channels;
            linear(at + "self_attn." + parts[i], fused.slice(i * c * c, c * c), bias.slice(i * c, c));
        }
        linear(at + "self_attn.out_proj", block.parameter(TowerBlock.OUT), block.parameter(TowerBlock.OUT_BIAS));
        norm(at + "layer_norm2", block, TowerBlock.MLP_GAIN, TowerBlock.MLP_BIAS);
        linear(at + "mlp.fc1", block.parameter(TowerBlock.UP), block.parameter(TowerBlock.UP_BIAS));
        linear(at + "mlp.fc2", block.parameter(TowerBlock.DOWN), block.parameter(TowerBlock.DOWN_BIAS));
    }

    private void norm(String name, LayerRun<?> layer, String gain, String bias) {
        add(name + ".weight", layer.parameter(gain));
        add(name + ".bias", layer.parameter(bias));
    }

    private void linear(String name, Buffer matrix, Buffer bias) {
        add(name + ".weight", matrix, matrix.elements() / bias.elements());
        add(name + ".bias", bias);
    }

    /** @param in the inner sizes; none for a vector */
    private void add(String name, Buffer buffer, long... in) {
        long[] shape = new long[in.length + 1];
        shape[0] = buffer.elements() / Tensor.elements(in);
        System.arraycopy(in, 0, shape, 1, in.length);
        tensors.add(new Tensor(name, DType.F32, shape, HostArrays.memory(buffer)));
    }
}
