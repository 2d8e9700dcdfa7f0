package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written is read again, and what does not fit is refused by name. */
class LlavaFilesTest {
    @TempDir
    Path folder;

    @Test
    void modelsAreReadAsTheyWereWritten() {
        Seeds.run(12, random -> {
            Path path = folder.resolve("model" + random.nextInt());
            ModelConfig language = Models.config(random).storedAs(DType.F32);
            ClipConfig tower = SeeingModels.tower(random);
            boolean repository = random.nextBoolean();
            VisionConfig vision =
                    SeeingModels.vision(tower, language.hiddenSize(), language.vocabSize() - 1, repository, random);
            List<Tensor> words = Models.tensors(language, random), projector = SeeingModels.projector(vision, random);
            var eyes = new LlavaFiles.TowerTensors(tower, SeeingModels.tensors(tower, random));
            Optional<LlavaFiles.TowerTensors> within = repository ? Optional.empty() : Optional.of(eyes);
            if (repository)
                LlavaFiles.writeTower(
                        path.resolveSibling(path.getFileName() + "-eyes"), eyes, DType.F32, Optional.empty());
            LlavaFiles.write(
                    path,
                    language,
                    words,
                    new LlavaFiles.Eyes(vision, projector, within),
                    DType.F32,
                    Optional.empty(),
                    Optional.empty());
            try (Checkpoint model = Checkpoint.open(path)) {
                assertThat(model.config()).isEqualTo(language);
                for (Tensor t : words) same(t, model.tensor(t.name()));
                Vision seen = model.vision().orElseThrow();
                assertThat(seen.config()).isEqualTo(vision);
                for (Tensor t : projector) same(t, seen.projector(t.name()));
                assertThat(seen.hasTower()).isEqualTo(!repository);
                if (repository) seen.attach(path.resolveSibling(path.getFileName() + "-eyes"));
                assertThat(seen.tower().config()).isEqualTo(tower);
                for (Tensor t : eyes.tensors()) same(t, seen.tower().tensor(t.name()));
            }
        });
    }

    private static void same(Tensor one, Tensor other) {
        assertThat(other.shape()).as(one.name()).isEqualTo(one.shape());
        assertThat(other.floats()).as(one.name()).isEqualTo(one.floats());
    }

    /** The tower that a model names by a path beside it. */
    @Test
    void aTowerThatIsNamedByAPathIsFound() {
        var random = Seeds.generator(5);
        ModelConfig language = Models.config(random).storedAs(DType.F32);
        ClipConfig tower = SeeingModels.tower(random);
        VisionConfig vision = SeeingModels.vision(tower, language.hiddenSize(), 0, true, random);
        Path path = folder.resolve("model");
        var eyes = new LlavaFiles.Eyes(vision, SeeingModels.projector(vision, random), Optional.empty());
        LlavaFiles.write(
                path, language, Models.tensors(language, random), eyes, DType.F32, Optional.empty(), Optional.empty());
        try (Checkpoint model = Checkpoint.open(path)) {
            Vision seen = model.vision().orElseThrow();
            assertThatThrownBy(seen::tower)
                    .isInstanceOf(Failure.class)
                    .hasMessageContainingAll("elsewhere: tower", "--tower");
        }
        LlavaFiles.writeTower(
                path.resolve("tower"),
                new LlavaFiles.TowerTensors(tower, SeeingModels.tensors(tower, random)),
                DType.F32,
                Optional.empty());
        try (Checkpoint model = Checkpoint.open(path)) {
            assertThat(model.vision().orElseThrow().tower().config()).isEqualTo(tower);
        }
    }

    @Test
    void anotherTowerIsRefused() {
        var random = Seeds.generator(6);
        Path model = written(random.nextInt());
        ClipConfig other = new ClipConfig(8, 4, 3, 77, 8, 1, 1, 1e-5, Gelu.QUICK, DType.F32);
        LlavaFiles.writeTower(
                folder.resolve("other"),
                new LlavaFiles.TowerTensors(other, SeeingModels.tensors(other, random)),
                DType.F32,
                Optional.empty());
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThatThrownBy(() -> checkpoint.vision().orElseThrow().attach(folder.resolve("other")))
                    .isInstanceOf(Failure.class)
                    .hasMessageContainingAll("a tower of 77 channels", "which the projector of");
        }
    }

    @Test
    void aTowerIsWrittenWithHowPicturesArePreparedForIt() {
        Seeds.run(4, random -> {
            ClipConfig tower = SeeingModels.tower(random);
            var tensors = new LlavaFiles.TowerTensors(tower, SeeingModels.tensors(tower, random));
            Path path = folder.resolve("prepared" + random.nextLong());
            ImagePreprocessing fits = ImagePreprocessing.clip(tower.imageSize());
            LlavaFiles.writeTower(path, tensors, DType.F32, Optional.of(fits), Optional.empty());
            assertThat(ImagePreprocessing.read(path)).isEqualTo(fits);
            ImagePreprocessing larger = ImagePreprocessing.clip(tower.imageSize() + 1);
            assertThatThrownBy(() ->
                            LlavaFiles.writeTower(path, tensors, DType.F32, Optional.of(larger), Optional.empty()))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("the tower's size");
            assertThat(ImagePreprocessing.read(path)).isEqualTo(fits);
        });
    }

    private Path written(long seed) {
        var random = Seeds.generator(seed);
        Path path = folder.resolve("whole");
        SeeingModels.whole(path, Models.config(random).storedAs(DType.F32), SeeingModels.tower(random), random);
        return path;
    }

    @Test
    void whatCannotBeRunIsRefusedByName() {
        refused(
                c -> c.withObject("vision_config").put("model_type", "siglip_vision_model"),
                "model_type",
                "siglip_vision_model");
        refused(
                c -> c.put("model_type", "llava_next").putArray("architectures").add("LlavaNext"),
                "LlavaNext",
                "LlamaForCausalLM");
        refused(c -> c.withObject("text_config").put("model_type", "mistral"), "model_type", "mistral");
        refused(c -> c.put("projector_hidden_act", "relu"), "projector_hidden_act", "gelu or quick_gelu");
        refused(
                c -> c.put("vision_feature_select_strategy", "pooler"),
                "vision_feature_select_strategy",
                "default or full");
        refused(c -> c.put("vision_feature_layer", 17), "hidden state 17", "one of a tower of");
        refused(c -> c.putArray("vision_feature_layer").add(-2).add(-1), "vision_feature_layer", "a whole number");
        refused(
                c -> c.withObject("vision_config").put("hidden_size", 1000).put("num_attention_heads", 1),
                "class_embedding",
                "shape");
        refused(c -> c.put("multimodal_projector_bias", false), "linear_1.bias", "no place for");
        refused(c -> c.withObject("vision_config").put("patch_size", 500), "patch_size", "at most image_size");
    }

    private void refused(Consumer<ObjectNode> change, String... words) {
        Path model = folder.resolve("whole");
        ObjectNode config;
        int seed = 0;
        do {
            written(seed++);
            config = Json.read(model.resolve("config.json")).node();
        } while (!config.get("multimodal_projector_bias").booleanValue());
        change.accept(config);
        try {
            Json.write(model.resolve("config.json"), config);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        assertThatThrownBy(() -> Checkpoint.open(model).close())
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void theRepositorysOtherModelsAreRefusedByName() {
        var random = Seeds.generator(8);
        ModelConfig language = Models.config(random).storedAs(DType.F32);
        ClipConfig tower = SeeingModels.tower(random);
        VisionConfig vision = SeeingModels.vision(tower, language.hiddenSize(), 0, true, random);
        var eyes = new LlavaFiles.Eyes(vision, SeeingModels.projector(vision, random), Optional.empty());
        for (String[] other : new String[][] {
            {"mm_projector_type", "resampler"}, {"image_aspect_ratio", "anyres"}, {"mm_vision_select_feature", "cls"}
        }) {
            Path path = folder.resolve("repository");
            LlavaFiles.write(
                    path,
                    language,
                    Models.tensors(language, random),
                    eyes,
                    DType.F32,
                    Optional.empty(),
                    Optional.empty());
            ObjectNode config = Json.read(path.resolve("config.json")).node().put(other[0], other[1]);
            try {
                Json.write(path.resolve("config.json"), config);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            assertThatThrownBy(() -> Checkpoint.open(path).close())
                    .isInstanceOf(Failure.class)
                    .hasMessageContainingAll(other);
        }
    }

    @Test
    void aFolderWithoutATowerIsRefused() {
        assertThatThrownBy(() -> Tower.open(folder)).isInstanceOf(Failure.class).hasMessageContaining("config.json");
        var random = Seeds.generator(1);
        ModelConfig language = Models.config(random);
        HuggingFace.write(
                folder.resolve("llama"),
                language,
                Models.tensors(language, random),
                Optional.empty(),
                Optional.empty());
        assertThatThrownBy(() -> Tower.open(folder.resolve("llama")))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("clip_vision_model, clip, or llava with its tower");
    }
}
