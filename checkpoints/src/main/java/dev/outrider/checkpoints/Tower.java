package dev.outrider.checkpoints;

import dev.outrider.checkpoints.VisionNames.Part;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Set;

/**
 * A CLIP vision tower on disk, opened for reading: its shape and its tensors, mapped. It lies in a directory of its own
 * (CLIPVisionModel, or a whole CLIPModel, whose text half is left alone), or in a LLaVA's. Safe for use by several
 * threads.
 */
public final class Tower implements AutoCloseable {
    private static final String OTHER = "Give the directory of a CLIPVisionModel, a CLIPModel or a LLaVA.";
    private final Path path;
    private final ClipConfig config;
    private final Weights tensors;
    private final AutoCloseable owned;

    private Tower(Path path, ClipConfig config, Weights tensors, AutoCloseable owned) {
        new ClipLayout(config).check(tensors);
        this.path = path;
        this.config = config.storedAs(tensors.dtype(ClipLayout.PATCHES));
        this.tensors = tensors;
        this.owned = owned;
    }

    /**
     * @throws Failure USAGE where there is no such directory, DATA where it is another model, damaged, or lacks tensors
     */
    public static Tower open(Path folder) {
        if (!Files.exists(folder.resolve(HuggingFaceConfig.FILE))) {
            throw Failure.usage(folder.toString(), "no " + HuggingFaceConfig.FILE, "a CLIP tower's directory", OTHER);
        }
        ClipConfig config = config(Json.read(folder.resolve(HuggingFaceConfig.FILE)));
        HuggingFaceWeights weights = HuggingFaceWeights.open(folder);
        try {
            return new Tower(folder, config, VisionNames.parts(weights).get(Part.TOWER), weights);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    /** Whether a directory is a tower's own: a CLIPVisionModel or a CLIPModel. */
    public static boolean is(Path folder) {
        Path config = folder.resolve(HuggingFaceConfig.FILE);
        return Files.exists(config)
                && Json.read(config).node().path("model_type").asText().startsWith("clip");
    }

    /** The tower within a model whose files somebody else has open. */
    static Tower within(Path folder, ClipConfig config, Weights tensors) {
        return new Tower(folder, config, tensors, () -> {});
    }

    private static ClipConfig config(Keys keys) {
        String type = keys.text("model_type").orElse("");
        if (type.equals("clip_vision_model")) return ClipConfig.read(keys, HuggingFaceConfig.dtype(keys));
        boolean part = type.equals("clip") || type.equals("llava") && keys.has("text_config");
        if (part) return LlavaConfig.tower(keys);
        throw keys.wrong("model_type", "clip_vision_model, clip, or llava with its tower", OTHER);
    }

    /** The directory. */
    public Path path() {
        return path;
    }

    /** The shape; its dtype is the type that the patch embedding is really stored in. */
    public ClipConfig config() {
        return config;
    }

    /** Names within {@code vision_model}, from the embeddings to the last norm. */
    public Set<String> names() {
        return Collections.unmodifiableSet(new ClipLayout(config).shapes().keySet());
    }

    /** A view of the mapped weights, valid until close. */
    public Tensor tensor(String name) {
        return tensors.tensor(name);
    }

    /** Bytes of all tensors in their files. */
    public long storedBytes() {
        return names().stream().mapToLong(name -> tensors.storage(name).bytes()).sum();
    }

    @Override
    public void close() {
        try {
            owned.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
