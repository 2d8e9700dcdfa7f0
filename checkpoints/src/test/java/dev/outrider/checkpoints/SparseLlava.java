package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A directory of a LLaVA-1.5's true shapes in float16, in shards that are holes: 13 or 26 GB that take no room on the disk. */
public final class SparseLlava {
    private static final int SHARDS = 3;
    private final ModelConfig language;
    private final ClipConfig tower = new ClipConfig(336, 14, 3, 1024, 4096, 24, 16, 1e-5, Gelu.QUICK, DType.F16);
    private final Map<String, long[]> shapes = new LinkedHashMap<>();

    private SparseLlava(int hidden, int intermediate, int layers, int heads) {
        language = ModelConfig.draft(32064, hidden, intermediate, layers, heads, 4096, 1, 2)
                .storedAs(DType.F16);
        new LlamaLayout(language).shapes().forEach((name, shape) -> shapes.put("language_model." + name, shape));
        new ClipLayout(tower).shapes().forEach((name, shape) -> shapes.put("vision_tower.vision_model." + name, shape));
        for (int i = 1; i <= 2; i++) {
            String at = "multi_modal_projector.linear_" + i;
            shapes.put(at + ".weight", new long[] {hidden, i == 1 ? 1024 : hidden});
            shapes.put(at + ".bias", new long[] {hidden});
        }
    }

    /** The shapes of llava-hf/llava-1.5-7b-hf. */
    public static SparseLlava of7B() {
        return new SparseLlava(4096, 11008, 32, 32);
    }

    /** The shapes of llava-hf/llava-1.5-13b-hf. */
    public static SparseLlava of13B() {
        return new SparseLlava(5120, 13824, 40, 40);
    }

    public long parameters() {
        return shapes.values().stream().mapToLong(Tensor::elements).sum();
    }

    public void write(Path folder) throws IOException {
        Json.write(folder.resolve("config.json"), config());
        ObjectNode index = Json.MAPPER.createObjectNode(), map = index.putObject("weight_map");
        String[] names = shapes.keySet().toArray(String[]::new);
        for (int s = 0; s < SHARDS; s++) {
            String file = "model-%05d-of-%05d.safetensors".formatted(s + 1, SHARDS);
            Map<String, long[]> part = new LinkedHashMap<>();
            for (int i = names.length * s / SHARDS; i < names.length * (s + 1) / SHARDS; i++) {
                part.put(names[i], shapes.get(names[i]));
                map.put(names[i], file);
            }
            shard(folder.resolve(file), part);
        }
        Json.write(folder.resolve("model.safetensors.index.json"), index);
    }

    // As llava-hf publishes it, but for the sizes, which llava-1.5-7b-hf leaves to the defaults.
    private ObjectNode config() {
        ObjectNode config =
                Json.MAPPER.createObjectNode().put("model_type", "llava").put("torch_dtype", "float16");
        config.put("image_token_index", 32000).put("vision_feature_layer", -2);
        config.putObject("text_config")
                .put("model_type", "llama")
                .put("vocab_size", 32064)
                .put("hidden_size", language.hiddenSize())
                .put("intermediate_size", language.intermediateSize())
                .put("num_hidden_layers", language.layers())
                .put("num_attention_heads", language.heads())
                .put("max_position_embeddings", 4096)
                .put("rms_norm_eps", 1e-5);
        config.putObject("vision_config")
                .put("model_type", "clip_vision_model")
                .put("hidden_size", 1024)
                .put("intermediate_size", 4096)
                .put("num_hidden_layers", 24)
                .put("num_attention_heads", 16)
                .put("image_size", 336)
                .put("patch_size", 14);
        return config;
    }

    private static void shard(Path file, Map<String, long[]> tensors) throws IOException {
        ObjectNode header = Json.MAPPER.createObjectNode();
        long at = 0;
        for (var tensor : tensors.entrySet()) {
            ObjectNode one = header.putObject(tensor.getKey()).put("dtype", "F16");
            for (long size : tensor.getValue()) one.withArray("shape").add(size);
            long end = at + 2 * Tensor.elements(tensor.getValue());
            one.putArray("data_offsets").add(at).add(end);
            at = end;
        }
        StringBuilder json = new StringBuilder(Json.MAPPER.writeValueAsString(header));
        while (json.length() % 64 != 56) json.append(' ');
        byte[] bytes = json.toString().getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(bytes.length)
                    .array());
            out.write(bytes);
            out.setLength(8 + bytes.length + at);
        }
    }
}
