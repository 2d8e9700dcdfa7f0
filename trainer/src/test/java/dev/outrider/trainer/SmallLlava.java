package dev.outrider.trainer;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.LlavaFiles.TowerTensors;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.SeeingModels;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** A random LLaVA of a few thousand parameters with a real tower, and pictures of its size. */
final class SmallLlava implements AutoCloseable {
    static final int VOCABULARY = 40, CAPACITY = 120;
    static final ClipConfig TOWER = new ClipConfig(13, 4, 3, 10, 15, 3, 2, 1e-5, Gelu.QUICK, DType.F32);

    final Path path;
    final Checkpoint checkpoint;
    final Vision vision;
    final Sight sight;
    private final Device device;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    /** Writes one in transformers' layout, with its tower, and opens it. */
    SmallLlava(Path folder, Device device, int hidden, RandomGenerator random) {
        path = folder;
        this.device = device;
        ModelConfig language = language(hidden);
        LlavaFiles.Eyes eyes = new LlavaFiles.Eyes(
                vision(hidden),
                SeeingModels.projector(vision(hidden), random),
                Optional.of(new TowerTensors(TOWER, SeeingModels.tensors(TOWER, random))));
        // Smaller than normal, so that laws are not all on one token.
        List<Tensor> tensors = Models.tensors(language, random).stream()
                .map(t -> t.name().equals("lm_head.weight") ? scaled(t, 0.3f) : t)
                .toList();
        LlavaFiles.write(folder, language, tensors, eyes, DType.F32, Optional.empty(), Optional.empty());
        checkpoint = opened(Checkpoint.open(folder));
        vision = checkpoint.vision().orElseThrow();
        sight = opened(Sight.of(device, vision, 4));
    }

    static ModelConfig language(int hidden) {
        return ModelConfig.draft(VOCABULARY, hidden, 2 * hidden, 2, 2, CAPACITY, 1, 2);
    }

    /** Two matrices, every patch: what both layouts can name. */
    static VisionConfig vision(int hidden) {
        return new VisionConfig(
                TOWER.hiddenSize(),
                hidden,
                2,
                Gelu.EXACT,
                true,
                -2,
                false,
                VOCABULARY - 1,
                ImageAspect.SQUARE,
                1,
                Optional.empty());
    }

    private static Tensor scaled(Tensor t, float factor) {
        float[] values = t.floats();
        for (int i = 0; i < values.length; i++) values[i] *= factor;
        return Tensor.of(t.name(), values, t.shape());
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.push(resource);
        return resource;
    }

    /** Its language model alone; the caller's. */
    Llama blind() {
        return new Llama(device, opened(LlamaWeights.load(device, checkpoint)), CAPACITY);
    }

    /** The whole; the caller's. */
    Llava seeing() {
        return new Llava(device, blind(), vision, sight);
    }

    private record Pixels(String id, float[] pixels) implements Picture {}

    static List<Picture> pictures(RandomGenerator random, int count) {
        return IntStream.range(0, count)
                .mapToObj(i ->
                        (Picture) new Pixels("" + random.nextLong(), Seeds.normal(random, TOWER.pictureValues(), 1)))
                .toList();
    }

    /** Random words, the begin token first, and up to so many pictures among them. */
    static int[] text(RandomGenerator random, int words, int pictures) {
        int[] ids = random.ints(words, 3, VOCABULARY).toArray();
        ids[0] = 1;
        for (int k = 0; k < pictures; k++) ids[1 + random.nextInt(words - 2)] = 0;
        int count = 0;
        for (int i = 1; i < words; i++) if (ids[i] == 0) ids[i] = Picture.placeholder(count++);
        return ids;
    }

    @Override
    public void close() {
        try {
            while (!opened.isEmpty()) opened.pop().close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
