package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * config.json of a LLaVA: transformers' LlavaForConditionalGeneration, where {@code text_config} and {@code vision_config}
 * name what differs from the defaults of LlamaConfig and CLIPVisionConfig, and the LLaVA repository's LlavaLlamaForCausalLM, a
 * LLaMA's with keys that begin with {@code mm_}.
 *
 * @param language shape of the language model
 * @param vision how it sees
 * @param tower shape of the tower; empty where the tower lies elsewhere
 */
record LlavaConfig(ModelConfig language, VisionConfig vision, Optional<ClipConfig> tower) {
    private static final String TEXT = "text_config", VISION = "vision_config", PROJECTOR = "mm_projector_type";
    /** Ours: a draft that reads fewer rows than the tower has patches. */
    static final String POOL = "draft_image_pool";

    private static final Pattern MLP = Pattern.compile("mlp(\\d)x_gelu");
    private static final String OTHER =
            "Use a LLaVA of CLIP and LLaMA (LLaVA-1.5 or of its kind); others cannot be run.";

    // LlamaConfig's; what transformers writes leaves out whatever equals them.
    private static final ObjectNode LLAMA = Json.MAPPER
            .createObjectNode()
            .put("vocab_size", 32000)
            .put("hidden_size", 4096)
            .put("intermediate_size", 11008)
            .put("num_hidden_layers", 32)
            .put("num_attention_heads", 32)
            .put("model_type", "llama");

    // LlavaConfig's, where there is no vision_config at all: CLIP-L/14 at 336 pixels.
    private static final ObjectNode CLIP_LARGE = Json.MAPPER
            .createObjectNode()
            .put("model_type", "clip_vision_model")
            .put("hidden_size", 1024)
            .put("intermediate_size", 4096)
            .put("num_hidden_layers", 24)
            .put("num_attention_heads", 16)
            .put("image_size", 336)
            .put("patch_size", 14);

    /** Whether the configuration is a LLaVA's. */
    static boolean is(Keys keys) {
        String type = keys.node().path("model_type").asText();
        return type.equals("llava") || type.equals("llava_llama");
    }

    /** @throws Failure DATA naming file and key */
    static LlavaConfig read(Path folder, Keys keys) {
        return keys.has(TEXT) ? transformers(folder, keys) : repository(folder, keys);
    }

    private static LlavaConfig transformers(Path folder, Keys keys) {
        require(keys, "LlavaForConditionalGeneration");
        ClipConfig tower = tower(keys);
        Keys text = keys.object(TEXT).orElseThrow();
        ObjectNode whole = LLAMA.deepCopy();
        // These may stand outside.
        for (String outer : new String[] {"dtype", "torch_dtype", "pad_token_id"}) copy(keys, outer, whole);
        text.node().properties().forEach(e -> whole.set(e.getKey(), e.getValue()));
        ModelConfig language = HuggingFaceConfig.language(folder, new Keys(text.place(), whole));
        String layer = "vision_feature_layer", strategy = "vision_feature_select_strategy";
        String image = keys.has("image_token_id") ? "image_token_id" : "image_token_index";
        VisionConfig vision = new VisionConfig(
                tower.hiddenSize(),
                language.hiddenSize(),
                2,
                Gelu.read(keys, "projector_hidden_act", Gelu.EXACT),
                keys.flag("multimodal_projector_bias", true),
                keys.has(layer) ? keys.whole(layer) : -2,
                select(keys, strategy, "default", "full"),
                keys.has(image) ? keys.whole(image) : 32000,
                ImageAspect.SQUARE,
                1,
                Optional.empty());
        vision.layersRun(tower);
        return new LlavaConfig(language, vision, Optional.of(tower));
    }

    /** The shape in {@code vision_config}, or that of CLIP-L/14 at 336 pixels. */
    static ClipConfig tower(Keys keys) {
        Keys vision = keys.object(VISION).orElse(new Keys(keys.place(), CLIP_LARGE));
        if (!vision.text("model_type").orElse("clip_vision_model").equals("clip_vision_model"))
            throw vision.wrong("model_type", "clip_vision_model", OTHER);
        return ClipConfig.read(vision, HuggingFaceConfig.dtype(keys));
    }

    private static LlavaConfig repository(Path folder, Keys keys) {
        require(keys, "LlavaLlamaForCausalLM");
        ObjectNode llama = keys.node().deepCopy();
        llama.remove("architectures");
        llama.put("model_type", "llama");
        ModelConfig language = HuggingFaceConfig.language(folder, new Keys(keys.place(), llama));
        String layer = "mm_vision_select_layer";
        VisionConfig vision = new VisionConfig(
                keys.positive("mm_hidden_size", 1024),
                language.hiddenSize(),
                matrices(keys),
                Gelu.EXACT,
                true,
                keys.has(layer) ? keys.whole(layer) : -2,
                select(keys, "mm_vision_select_feature", "patch", "cls_patch"),
                VisionConfig.PLACEHOLDER,
                ImageAspect.read(keys),
                keys.positive(POOL, 1),
                keys.text("mm_vision_tower"));
        return new LlavaConfig(language, vision, Optional.empty());
    }

    private static void require(Keys keys, String architecture) {
        JsonNode names = keys.node().path("architectures");
        boolean other =
                names.size() > 1 || names.size() == 1 && !names.path(0).asText().equals(architecture);
        if (other) throw keys.wrong("architectures", "[\"" + architecture + "\"]", OTHER);
    }

    private static void copy(Keys from, String key, ObjectNode to) {
        if (from.has(key)) to.set(key, from.node().get(key));
    }

    private static int matrices(Keys keys) {
        String type = keys.text(PROJECTOR).orElse("linear");
        if (type.equals("linear")) return 1;
        Matcher mlp = MLP.matcher(type);
        if (mlp.matches() && !mlp.group(1).equals("0")) return Integer.parseInt(mlp.group(1));
        throw keys.wrong(PROJECTOR, "linear, or mlp2x_gelu and its like", OTHER);
    }

    private static boolean select(Keys keys, String key, String patches, String all) {
        String selected = keys.text(key).orElse(patches);
        if (selected.equals(patches) || selected.equals(all)) return selected.equals(all);
        throw keys.wrong(key, patches + " or " + all, OTHER);
    }

    /** config.json as transformers writes it, with the tower; {@link #read} gives an equal configuration. */
    ObjectNode transformers() {
        ObjectNode json = Json.MAPPER.createObjectNode().put("model_type", "llava");
        json.putArray("architectures").add("LlavaForConditionalGeneration");
        ObjectNode text = HuggingFaceConfig.model(language);
        text.remove("architectures");
        json.set(TEXT, text);
        json.set(VISION, tower.orElseThrow().json());
        json.put("image_token_index", vision.imageId())
                .put("image_seq_length", vision.rows(tower.orElseThrow()))
                .put("projector_hidden_act", vision.activation().label)
                .put("multimodal_projector_bias", vision.bias())
                .put("vision_feature_layer", vision.featureLayer())
                .put("vision_feature_select_strategy", vision.classToken() ? "full" : "default")
                .put("tie_word_embeddings", language.tiedEmbeddings());
        return typed(json);
    }

    /** config.json in the manner of the LLaVA repository, which names the tower; {@link #read} gives an equal configuration. */
    ObjectNode repository() {
        ObjectNode json = HuggingFaceConfig.model(language).put("model_type", "llava_llama");
        json.putArray("architectures").add("LlavaLlamaForCausalLM");
        json.put("use_mm_proj", true)
                .put("mm_hidden_size", vision.towerWidth())
                .put(PROJECTOR, vision.matrices() == 1 ? "linear" : "mlp" + vision.matrices() + "x_gelu")
                .put("mm_vision_select_layer", vision.featureLayer())
                .put("mm_vision_select_feature", vision.classToken() ? "cls_patch" : "patch")
                .put("image_aspect_ratio", vision.aspect().label());
        if (vision.pool() > 1) json.put(POOL, vision.pool());
        vision.tower().ifPresent(name -> json.put("mm_vision_tower", name));
        return json;
    }

    private ObjectNode typed(ObjectNode json) {
        String type = HuggingFaceConfig.name(language.dtype());
        return json.put("dtype", type).put("torch_dtype", type);
    }
}
