package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The shape of a CLIP vision tower (Radford et al., 2103.00020), as {@code config.json} of CLIPVisionModel gives it.
 *
 * @param imageSize side of the square picture, pixels
 * @param patchSize side of a patch, pixels
 * @param channels of the picture; 3
 * @param hiddenSize C
 * @param intermediateSize width of the MLP, I
 * @param heads of attention; divides C
 */
public record ClipConfig(
        int imageSize,
        int patchSize,
        int channels,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        double layerNormEps,
        Gelu activation,
        DType dtype) {
    public ClipConfig {
        if (heads <= 0 || hiddenSize % heads != 0) {
            throw Failure.usage(
                    "tower shape",
                    hiddenSize + " channels over " + heads + " heads",
                    "a multiple",
                    "Change the heads.");
        }
        if (patchSize <= 0 || imageSize < patchSize) {
            throw Failure.usage(
                    "tower shape",
                    "patches of " + patchSize + " pixels in a picture of " + imageSize,
                    "at least one patch",
                    "Change patch_size or image_size.");
        }
    }

    /** Patches along a side; what is left of the picture beyond whole patches is not seen. */
    public int grid() {
        return imageSize / patchSize;
    }

    /** P, patches of a picture. */
    public int patches() {
        return grid() * grid();
    }

    public int headDim() {
        return hiddenSize / heads;
    }

    /** Values of a patch before its embedding. */
    public int patchValues() {
        return channels * patchSize * patchSize;
    }

    /** Values of a picture, [channels, imageSize, imageSize]. */
    public int pictureValues() {
        return channels * imageSize * imageSize;
    }

    /** All of a CLIPVisionModel's parameters, its last norm included: 303.5 M for CLIP-L/14 at 336 pixels. */
    public long parameters() {
        return new ClipLayout(this)
                .shapes().values().stream().mapToLong(Tensor::elements).sum();
    }

    /** The same shape, its weights stored in another type. */
    ClipConfig storedAs(DType type) {
        return new ClipConfig(
                imageSize,
                patchSize,
                channels,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                layerNormEps,
                activation,
                type);
    }

    /**
     * Absent keys take the defaults of transformers' CLIPVisionConfig.
     *
     * @throws Failure DATA naming file and key
     */
    static ClipConfig read(Keys keys, DType dtype) {
        int hidden = keys.positive("hidden_size", 768), heads = keys.positive("num_attention_heads", 12);
        if (hidden % heads != 0) throw keys.wrong("num_attention_heads", "a divisor of hidden_size, " + hidden);
        int image = keys.positive("image_size", 224), patch = keys.positive("patch_size", 32);
        if (patch > image) throw keys.wrong("patch_size", "at most image_size, " + image);
        if (keys.positive("num_channels", 3) != 3) throw keys.wrong("num_channels", "3");
        int layers = keys.positive("num_hidden_layers", 12);
        if (layers > LlamaLayout.MOST_LAYERS)
            throw keys.wrong("num_hidden_layers", "at most " + LlamaLayout.MOST_LAYERS);
        return new ClipConfig(
                image,
                patch,
                3,
                hidden,
                keys.positive("intermediate_size", 3072),
                layers,
                heads,
                keys.number("layer_norm_eps", 1e-5),
                Gelu.read(keys, "hidden_act", Gelu.QUICK),
                dtype);
    }

    /** What config.json of a CLIPVisionModel says; {@link #read} gives an equal configuration. */
    ObjectNode json() {
        String type = HuggingFaceConfig.name(dtype);
        return Json.MAPPER
                .createObjectNode()
                .put("model_type", "clip_vision_model")
                .put("hidden_size", hiddenSize)
                .put("intermediate_size", intermediateSize)
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("num_channels", channels)
                .put("image_size", imageSize)
                .put("patch_size", patchSize)
                .put("layer_norm_eps", layerNormEps)
                .put("hidden_act", activation.label)
                .put("dtype", type)
                .put("torch_dtype", type);
    }
}
