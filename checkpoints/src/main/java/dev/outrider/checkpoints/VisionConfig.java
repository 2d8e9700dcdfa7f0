package dev.outrider.checkpoints;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How a language model sees (LLaVA: Liu et al., 2304.08485, 2310.03744): which of a tower's hidden states are read,
 * what brings them to the model's width, and where they stand in the text.
 *
 * @param towerWidth channels of the tower's features
 * @param width C of the language model
 * @param matrices of the projector, with an activation between two: 1 or more; all but the first are [C, C]
 * @param activation between them
 * @param bias of the matrices
 * @param featureLayer hidden state of the tower that is read: -1 its last layer's output, -2 (usual) that of the layer before
 * @param classToken whether the class token is read too, before the patches
 * @param imageId token that stands for a picture: one for each in a prompt; {@link #PLACEHOLDER} where the vocabulary
 *     has none
 * @param aspect what becomes of pictures that are no squares
 * @param pool side of the square of patches that become one, by their mean before the projector; 1: every patch
 * @param tower name or path of the tower, where it is not in the same model
 */
public record VisionConfig(
        int towerWidth,
        int width,
        int matrices,
        Gelu activation,
        boolean bias,
        int featureLayer,
        boolean classToken,
        int imageId,
        ImageAspect aspect,
        int pool,
        Optional<String> tower) {
    /** What the LLaVA repository's code writes for a picture. */
    public static final int PLACEHOLDER = -200;

    /**
     * A draft's, that reads the same features: a projector of as many matrices, with bias and GELU between, which is what the
     * LLaVA repository's layout can name.
     *
     * @param width C of the draft
     * @param pool side of the square of patches that become one
     * @param tower where the tower lies, for whoever opens the draft
     */
    public VisionConfig adapter(int width, int pool, Optional<String> tower) {
        return new VisionConfig(
                towerWidth,
                width,
                matrices,
                Gelu.EXACT,
                true,
                featureLayer,
                classToken,
                PLACEHOLDER,
                aspect,
                pool,
                tower);
    }

    /** The same of a model that has its tower within. */
    public VisionConfig whole(int imageId) {
        return with(imageId, Optional.empty());
    }

    /** The same of a model whose tower lies elsewhere. */
    public VisionConfig lookingThrough(Optional<String> tower) {
        return with(imageId, tower);
    }

    private VisionConfig with(int imageId, Optional<String> tower) {
        return new VisionConfig(
                towerWidth, width, matrices, activation, bias, featureLayer, classToken, imageId, aspect, pool, tower);
    }

    /** Rows of the language model that a picture takes, with a tower of such a shape. */
    public int rows(ClipConfig tower) {
        int grid = tower.grid() / pool;
        return grid * grid + (classToken ? 1 : 0);
    }

    /** Layers of the tower that run before the hidden state that is read; 0 is what the layers begin from. */
    public int layersRun(ClipConfig tower) {
        int run = featureLayer < 0 ? tower.layers() + 1 + featureLayer : featureLayer;
        if (run >= 0 && run <= tower.layers()) return run;
        throw Failure.data(
                "vision_feature_layer",
                "hidden state " + featureLayer,
                "one of a tower of " + tower.layers() + " layers",
                "Tower and model do not belong together.");
    }

    /** Names and shapes of the projector's tensors. */
    Map<String, long[]> shapes() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        for (int i = 1; i <= matrices; i++) {
            shapes.put("linear_" + i + ".weight", new long[] {width, i == 1 ? towerWidth : width});
            if (bias) shapes.put("linear_" + i + ".bias", new long[] {width});
        }
        return shapes;
    }

    /** Parameters of the projector. */
    public long projectorParameters() {
        return shapes().values().stream().mapToLong(Tensor::elements).sum();
    }
}
