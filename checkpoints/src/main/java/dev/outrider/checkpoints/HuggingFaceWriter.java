package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes weights as one file, or cut into shards with an index. */
final class HuggingFaceWriter {
    // Readers of transformers ask for it.
    private static final Map<String, String> METADATA = Map.of("format", "pt");
    private final List<Tensor> tensors;
    private final DType stored;
    private final long shardBytes;

    /** @param tensors under the names that they are to have, in the file's order */
    HuggingFaceWriter(List<Tensor> tensors, DType stored, long shardBytes) {
        this.tensors = tensors;
        this.stored = stored;
        this.shardBytes = shardBytes;
    }

    /**
     * The tensors of a LLaMA in its order.
     *
     * @throws Failure DATA where they are not those of the configuration
     */
    static List<Tensor> checked(ModelConfig config, List<Tensor> tensors) {
        GivenTensors given = new GivenTensors(tensors);
        LlamaLayout layout = new LlamaLayout(config);
        layout.check(given);
        return given.those(layout.shapes().keySet());
    }

    void write(Path folder) throws IOException {
        List<List<Tensor>> shards = shards();
        if (shards.size() == 1) {
            write(folder.resolve(HuggingFaceWeights.SINGLE), shards.getFirst());
            return;
        }
        Map<String, String> map = new TreeMap<>();
        for (int i = 0; i < shards.size(); i++) {
            String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
            write(folder.resolve(name), shards.get(i));
            for (Tensor t : shards.get(i)) map.put(t.name(), name);
        }
        Json.write(folder.resolve(HuggingFaceWeights.INDEX), index(map));
    }

    private void write(Path file, List<Tensor> shard) throws IOException {
        SafetensorsWriter.write(file, shard, this::type, METADATA);
    }

    // A map of tokens is no weight.
    private DType type(Tensor t) {
        return t.dtype() == DType.I64 || t.dtype() == DType.BOOL ? t.dtype() : stored;
    }

    private long bytes(Tensor t) {
        return t.elements() * type(t).bytes;
    }

    private ObjectNode index(Map<String, String> map) {
        ObjectNode index = Json.MAPPER.createObjectNode();
        long elements = tensors.stream().mapToLong(Tensor::elements).sum();
        index.putObject("metadata")
                .put("total_parameters", elements)
                .put("total_size", tensors.stream().mapToLong(this::bytes).sum());
        map.forEach(index.putObject("weight_map")::put);
        return index;
    }

    // In the model's order; a tensor above the limit has a shard of its own.
    private List<List<Tensor>> shards() {
        List<List<Tensor>> shards = new ArrayList<>();
        long room = 0;
        for (Tensor t : tensors) {
            long size = bytes(t);
            if (shards.isEmpty() || size > room) {
                shards.add(new ArrayList<>());
                room = shardBytes;
            }
            shards.getLast().add(t);
            room -= size;
        }
        return shards;
    }
}
