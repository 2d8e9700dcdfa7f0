package dev.outrider.checkpoints;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** Random models that see, for tests; small. */
public final class SeeingModels {
    private SeeingModels() {}

    public static ClipConfig tower(RandomGenerator random) {
        int heads = 1 + random.nextInt(3), patch = 2 + random.nextInt(3);
        return new ClipConfig(
                patch * (2 + random.nextInt(3)) + random.nextInt(patch),
                patch,
                3,
                heads * (1 + random.nextInt(6)),
                1 + random.nextInt(20),
                2 + random.nextInt(2),
                heads,
                1e-5,
                Gelu.values()[random.nextInt(2)],
                DType.F32);
    }

    /** A projector for a language model of width {@code width}; in a repository's layout it names the tower. */
    public static VisionConfig vision(
            ClipConfig tower, int width, int imageId, boolean repository, RandomGenerator random) {
        return new VisionConfig(
                tower.hiddenSize(),
                width,
                repository ? 1 + random.nextInt(3) : 2,
                repository ? Gelu.EXACT : Gelu.values()[random.nextInt(2)],
                repository || random.nextBoolean(),
                random.nextBoolean() ? -2 : -1,
                random.nextBoolean(),
                repository ? VisionConfig.PLACEHOLDER : imageId,
                repository && random.nextBoolean() ? ImageAspect.PAD : ImageAspect.SQUARE,
                repository ? 1 + random.nextInt(2) : 1,
                repository ? Optional.of("tower") : Optional.empty());
    }

    public static List<Tensor> tensors(ClipConfig tower, RandomGenerator random) {
        return tensors(new ClipLayout(tower).shapes(), random);
    }

    public static List<Tensor> projector(VisionConfig vision, RandomGenerator random) {
        return tensors(vision.shapes(), random);
    }

    private static List<Tensor> tensors(Map<String, long[]> shapes, RandomGenerator random) {
        List<Tensor> tensors = new ArrayList<>();
        shapes.forEach((name, shape) -> tensors.add(Models.tensor(name, DType.F32, random, shape)));
        return tensors;
    }

    /** A whole model with its tower, in transformers' layout. */
    public static void whole(Path folder, ModelConfig language, ClipConfig tower, RandomGenerator random) {
        VisionConfig vision = vision(tower, language.hiddenSize(), language.vocabSize() - 1, false, random);
        LlavaFiles.Eyes eyes = new LlavaFiles.Eyes(
                vision,
                projector(vision, random),
                Optional.of(new LlavaFiles.TowerTensors(tower, tensors(tower, random))));
        LlavaFiles.write(
                folder,
                language,
                Models.tensors(language, random),
                eyes,
                language.dtype(),
                Optional.empty(),
                Optional.empty());
    }
}
