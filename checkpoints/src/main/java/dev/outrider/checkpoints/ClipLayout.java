package dev.outrider.checkpoints;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The tensors of a CLIP vision tower, by the names that they have within {@code vision_model}. The key is
 * {@code pre_layrnorm}, sic.
 */
final class ClipLayout {
    static final String PATCHES = "embeddings.patch_embedding.weight";
    private final Map<String, long[]> shapes = new LinkedHashMap<>();

    ClipLayout(ClipConfig config) {
        int c = config.hiddenSize(), p = config.patchSize();
        shapes.put("embeddings.class_embedding", new long[] {c});
        shapes.put(PATCHES, new long[] {c, config.channels(), p, p});
        shapes.put("embeddings.position_embedding.weight", new long[] {config.patches() + 1, c});
        norm("pre_layrnorm", c);
        for (int l = 0; l < config.layers(); l++) layer("encoder.layers." + l + ".", c, config.intermediateSize());
        norm("post_layernorm", c);
    }

    private void layer(String at, int c, int width) {
        norm(at + "layer_norm1", c);
        for (String part : new String[] {"q_proj", "k_proj", "v_proj", "out_proj"}) {
            linear(at + "self_attn." + part, c, c);
        }
        norm(at + "layer_norm2", c);
        linear(at + "mlp.fc1", width, c);
        linear(at + "mlp.fc2", c, width);
    }

    private void norm(String name, int c) {
        shapes.put(name + ".weight", new long[] {c});
        shapes.put(name + ".bias", new long[] {c});
    }

    private void linear(String name, int out, int in) {
        shapes.put(name + ".weight", new long[] {out, in});
        shapes.put(name + ".bias", new long[] {out});
    }

    /** Names and shapes, from the embeddings to the last norm. */
    Map<String, long[]> shapes() {
        return shapes;
    }

    /** The tensors in this order, under the names that CLIPVisionModel has within another model. */
    List<Tensor> checked(List<Tensor> tensors, String prefix) {
        GivenTensors given = new GivenTensors(tensors);
        check(given);
        return given.those(shapes.keySet()).stream()
                .map(t -> t.named(prefix + t.name()))
                .toList();
    }

    /** @throws Failure DATA naming the first tensor that does not fit */
    void check(Weights tower) {
        String absent = "Get the whole tower, or correct its config.json.";
        shapes.forEach((name, shape) -> LlamaLayout.require(tower, name, shape, LlamaLayout.WEIGHTS, absent));
        Set<String> others = LlamaLayout.others(tower, shapes.keySet());
        // Old files hold the numbers 0 .. P.
        others.remove("embeddings.position_ids");
        if (!others.isEmpty()) throw LlamaLayout.leftOver(tower, others, "a CLIP vision tower");
    }
}
