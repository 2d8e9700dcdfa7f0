package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The tensors of a Hugging Face directory: model.safetensors, or shards with an index that says which
 * tensor is where. Index and shards must agree in both directions.
 */
final class HuggingFaceWeights implements Weights {
    static final String SINGLE = "model.safetensors", INDEX = "model.safetensors.index.json";
    private static final String REMEDY = "The download is incomplete or mixed: get all of the model's files again.";
    private static final Pattern SHARD = Pattern.compile("[^/\\\\\\x00]+\\.safetensors");
    private final Path folder;
    private final Map<String, Safetensors> files = new LinkedHashMap<>();
    private final Map<String, Safetensors> byName = new LinkedHashMap<>();

    private HuggingFaceWeights(Path folder) {
        this.folder = folder;
    }

    /** @throws Failure DATA naming file and tensor where weights are absent or malformed */
    static HuggingFaceWeights open(Path folder) {
        HuggingFaceWeights weights = new HuggingFaceWeights(folder);
        try {
            if (Files.exists(folder.resolve(SINGLE))) weights.single();
            else if (Files.exists(folder.resolve(INDEX))) weights.shards();
            else throw nothing(folder);
            return weights;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private static Failure nothing(Path folder) {
        boolean pickled = Files.exists(folder.resolve("pytorch_model.bin"))
                || Files.exists(folder.resolve("pytorch_model.bin.index.json"));
        return Failure.data(
                folder.toString(),
                pickled ? "only pytorch_model.bin" : "no weights",
                SINGLE + " or " + INDEX,
                pickled ? "Convert it to safetensors (save_pretrained of transformers)." : REMEDY);
    }

    private void single() {
        Safetensors file = file(SINGLE);
        for (String name : file.names()) byName.put(name, file);
    }

    private void shards() {
        Path index = folder.resolve(INDEX);
        Keys map = Json.read(index)
                .object("weight_map")
                .orElseThrow(() -> refused(index + ", key weight_map", "none", "one"));
        for (var e : map.node().properties()) byName.put(e.getKey(), shard(map, e.getKey(), e.getValue()));
        files.forEach((shard, file) -> checkNamed(index, shard, file));
    }

    private Safetensors shard(Keys map, String tensor, JsonNode file) {
        String place = map.place() + ", tensor " + tensor;
        if (!file.isTextual() || !SHARD.matcher(file.textValue()).matches()) {
            throw refused(place, file.toString(), "the name of a .safetensors file in the same folder");
        }
        if (!Files.exists(folder.resolve(file.textValue()))) {
            throw refused(place, "no file " + file.textValue(), "that shard beside the index");
        }
        Safetensors shard = file(file.textValue());
        if (!shard.has(tensor))
            throw refused(place, "none in " + file.textValue(), "the tensor in the shard that the index names");
        return shard;
    }

    private void checkNamed(Path index, String shard, Safetensors file) {
        for (String name : file.names()) {
            if (byName.get(name) == file) continue;
            String other = byName.containsKey(name)
                    ? byName.get(name).path().getFileName().toString()
                    : "no shard at all";
            throw refused(
                    folder.resolve(shard) + ", tensor " + name,
                    "a tensor for which the index names " + other,
                    shard + " in " + index);
        }
    }

    private Safetensors file(String name) {
        return files.computeIfAbsent(name, n -> Safetensors.open(folder.resolve(n)));
    }

    private static Failure refused(String place, String found, String expected) {
        return Failure.data(place, found, expected, REMEDY);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(byName.keySet());
    }

    @Override
    public Tensor tensor(String name) {
        Safetensors file = byName.get(name);
        if (file == null) throw refused(place(name), "no such tensor", "one of the model's " + byName.size());
        return file.tensor(name);
    }

    @Override
    public String place(String name) {
        Safetensors file = byName.get(name);
        return (file == null ? folder : file.path()) + ", tensor " + name;
    }

    @Override
    public void close() {
        files.values().forEach(Safetensors::close);
    }
}
