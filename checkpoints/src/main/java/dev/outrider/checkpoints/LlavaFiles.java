package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.checkpoints.tokenizer.TokenizerJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Writes models that see, and towers alone: what this writes {@link Checkpoint} and {@link Tower} open. A model with its
 * tower has the layout that transformers writes (LlavaForConditionalGeneration); one whose tower is elsewhere, a draft with
 * an adapter, that of the LLaVA repository, whose configuration names the tower.
 */
public final class LlavaFiles {
    private static final String FILE = HuggingFaceConfig.FILE;

    /**
     * What a model sees with.
     *
     * @param projector tensors {@code linear_1.weight} and so on
     * @param tower its shape and its tensors, by their names within {@code vision_model}; empty where it is elsewhere
     */
    public record Eyes(VisionConfig config, List<Tensor> projector, Optional<TowerTensors> tower) {}

    /** A tower's shape and its tensors, by their names within {@code vision_model}. */
    public record TowerTensors(ClipConfig config, List<Tensor> tensors) {}

    private LlavaFiles() {}

    /**
     * Writes the whole directory atomically, replacing an old one; weights as F32, BF16 or F16.
     *
     * @param tensors of the language model, by their names in LlamaForCausalLM
     * @throws Failure as {@link HuggingFace#write}
     */
    public static void write(
            Path directory,
            ModelConfig language,
            List<Tensor> tensors,
            Eyes eyes,
            DType stored,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance) {
        HuggingFace.refuseOther(directory);
        requireNameable(eyes);
        AtomicFiles.directory(
                directory, folder -> writeFiles(folder, language, tensors, eyes, stored, tokenizer, provenance));
    }

    /**
     * Writes the same files into a folder that somebody else makes appear whole (a step's, say).
     *
     * @throws Failure as {@link #write}
     */
    public static void writeFiles(
            Path folder,
            ModelConfig language,
            List<Tensor> tensors,
            Eyes eyes,
            DType stored,
            Optional<Tokenizer> tokenizer,
            Optional<Provenance> provenance)
            throws IOException {
        requireNameable(eyes);
        LlavaConfig config =
                new LlavaConfig(language.storedAs(stored), eyes.config, eyes.tower.map(t -> t.config.storedAs(stored)));
        new HuggingFaceWriter(named(language, tensors, eyes), stored, HuggingFace.SHARD_BYTES).write(folder);
        Json.write(folder.resolve(FILE), eyes.tower.isPresent() ? config.transformers() : config.repository());
        HuggingFaceConfig.writeGeneration(folder, language);
        if (tokenizer.isPresent()) TokenizerJson.write(folder, tokenizer.get());
        provenance.ifPresent(p -> p.write(folder));
    }

    // What the layout's configuration has no words for.
    private static void requireNameable(Eyes eyes) {
        VisionConfig c = eyes.config;
        boolean whole = eyes.tower.isPresent();
        if (whole
                ? c.matrices() == 2 && c.pool() == 1 && c.aspect() == ImageAspect.SQUARE
                : c.bias() && c.activation() == Gelu.EXACT) return;
        throw Failure.usage(
                "model to write",
                c.toString(),
                whole
                        ? "with its tower, a projector of two matrices that reads every patch, and no padding"
                        : "without its tower, matrices with bias and gelu between them",
                "Write it in the other layout, or change the projector.");
    }

    private static List<Tensor> named(ModelConfig language, List<Tensor> tensors, Eyes eyes) {
        boolean whole = eyes.tower.isPresent();
        List<Tensor> all = new ArrayList<>();
        for (Tensor t : HuggingFaceWriter.checked(language, tensors))
            all.add(whole ? t.named("language_model." + t.name()) : t);
        GivenTensors projector = new GivenTensors(eyes.projector);
        Vision.check(eyes.config, projector);
        for (Tensor t : projector.those(eyes.config.shapes().keySet()))
            all.add(t.named(projector(t.name(), eyes.config.matrices(), whole)));
        eyes.tower.ifPresent(
                t -> all.addAll(new ClipLayout(t.config).checked(t.tensors, "vision_tower.vision_model.")));
        return all;
    }

    // linear_2.weight: in the repository matrices and activations are numbered together, a single matrix is not.
    private static String projector(String name, int matrices, boolean transformers) {
        if (transformers) return "multi_modal_projector." + name;
        if (matrices == 1) return "model.mm_projector" + name.substring(name.indexOf('.'));
        int dot = name.indexOf('.'), matrix = Integer.parseInt(name.substring("linear_".length(), dot));
        return "model.mm_projector." + 2 * (matrix - 1) + name.substring(dot);
    }

    /** Writes a tower's directory, as a CLIPVisionModel's, without saying how pictures are prepared for it. */
    public static void writeTower(Path directory, TowerTensors tower, DType stored, Optional<Provenance> provenance) {
        writeTower(directory, tower, stored, Optional.empty(), provenance);
    }

    /**
     * Writes a tower's directory atomically, replacing an old one.
     *
     * @param preprocessing of pictures, written beside it as preprocessor_config.json
     * @throws Failure as {@link HuggingFace#write}, USAGE where the preprocessing makes pictures of another size
     */
    public static void writeTower(
            Path directory,
            TowerTensors tower,
            DType stored,
            Optional<ImagePreprocessing> preprocessing,
            Optional<Provenance> provenance) {
        HuggingFace.refuseOther(directory);
        preprocessing.ifPresent(p -> requireSize(p, tower.config.imageSize()));
        List<Tensor> all = new ClipLayout(tower.config).checked(tower.tensors, "vision_model.");
        ObjectNode config = tower.config.storedAs(stored).json();
        config.putArray("architectures").add("CLIPVisionModel");
        AtomicFiles.directory(directory, folder -> {
            new HuggingFaceWriter(all, stored, HuggingFace.SHARD_BYTES).write(folder);
            write(folder, config);
            if (preprocessing.isPresent()) preprocessing.get().write(folder);
            provenance.ifPresent(p -> p.write(folder));
        });
    }

    private static void requireSize(ImagePreprocessing preprocessing, int side) {
        ImagePreprocessing.Size made = preprocessing.centreCrop() ? preprocessing.cropSize() : preprocessing.size();
        boolean makes = preprocessing.centreCrop() || preprocessing.resize();
        if (!makes || made.equals(new ImagePreprocessing.Exact(side, side))) return;
        throw Failure.usage(
                "preprocessing of pictures",
                made.toString(),
                side + " x " + side + ", the tower's size",
                "Prepare pictures for the tower that they are for.");
    }

    private static void write(Path folder, ObjectNode config) throws IOException {
        Json.write(folder.resolve(FILE), config);
    }
}
