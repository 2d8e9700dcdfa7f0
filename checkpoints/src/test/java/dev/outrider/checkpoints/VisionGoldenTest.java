package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** CLIP towers, and one LLaVA in its three layouts, as transformers and the LLaVA repository name them. */
@Tag("goldens")
class VisionGoldenTest {
    static List<Path> towers() {
        return Shared.cases("clip").stream().map(c -> c.resolve("model")).toList();
    }

    @ParameterizedTest
    @MethodSource("towers")
    void theTowersShapeIsThatOfItsConfiguration(Path folder) {
        JsonNode json = Json.read(folder.resolve("config.json")).node();
        JsonNode shape = json.has("vision_config") ? json.get("vision_config") : json;
        try (Tower tower = Tower.open(folder)) {
            ClipConfig c = tower.config();
            assertThat(c.hiddenSize()).isEqualTo(shape.get("hidden_size").intValue());
            assertThat(c.layers()).isEqualTo(shape.get("num_hidden_layers").intValue());
            assertThat(c.imageSize()).isEqualTo(shape.get("image_size").intValue());
            assertThat(c.activation().label).isEqualTo(shape.get("hidden_act").textValue());
            long parameters = 0;
            for (String name : tower.names()) {
                Tensor tensor = tower.tensor(name);
                assertThat(tensor.name()).isEqualTo(name);
                assertThat(tensor.doubles()).as(name).doesNotContain(Double.NaN);
                parameters += tensor.elements();
            }
            assertThat(parameters).isEqualTo(c.parameters());
            assertThat(tower.storedBytes()).isEqualTo(parameters * c.dtype().bytes);
        }
    }

    @Test
    void allLayoutsAreTheSameModel() {
        try (Checkpoint old = Checkpoint.open(Shared.golden("llava/hf-old-keys"));
                Checkpoint now = Checkpoint.open(Shared.golden("llava/hf-new-keys"));
                Checkpoint original = Checkpoint.open(Shared.golden("llava/original/model"))) {
            original.vision().orElseThrow().attach(Shared.golden("llava/original/vision_tower"));
            same(old, now);
            same(old, original);
            assertThat(now.hash()).isEqualTo(old.hash());
        }
    }

    private static void same(Checkpoint one, Checkpoint other) {
        ModelConfig c = one.config();
        assertThat(other.config().vocabSize()).isEqualTo(c.vocabSize());
        assertThat(other.config().rmsNormEps()).isEqualTo(c.rmsNormEps());
        assertThat(other.names()).isEqualTo(one.names());
        for (String name : one.names()) same(one.tensor(name), other.tensor(name));
        Vision seen = one.vision().orElseThrow(), theirs = other.vision().orElseThrow();
        assertThat(theirs.config().layersRun(theirs.tower().config()))
                .isEqualTo(seen.config().layersRun(seen.tower().config()));
        assertThat(theirs.config().rows(theirs.tower().config()))
                .isEqualTo(seen.config().rows(seen.tower().config()));
        assertThat(theirs.projectorNames()).isEqualTo(seen.projectorNames());
        for (String name : seen.projectorNames()) same(seen.projector(name), theirs.projector(name));
        assertThat(theirs.tower().config()).isEqualTo(seen.tower().config());
        for (String name : seen.tower().names())
            same(seen.tower().tensor(name), theirs.tower().tensor(name));
    }

    private static void same(Tensor one, Tensor other) {
        assertThat(other.shape()).as(one.name()).isEqualTo(one.shape());
        assertThat(other.data().mismatch(one.data())).as(one.name()).isEqualTo(-1);
    }

    @Test
    void publishedConfigurationsLeaveOutWhatLlamaConfigSays(@TempDir Path folder) throws IOException {
        Path model = Shared.golden("llava/hf-old-keys");
        Files.copy(model.resolve("config.published.json"), folder.resolve("config.json"));
        Files.copy(model.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        try (Checkpoint published = Checkpoint.open(folder);
                Checkpoint whole = Checkpoint.open(model)) {
            assertThat(published.config()).isEqualTo(whole.config());
            assertThat(published.vision().orElseThrow().config())
                    .isEqualTo(whole.vision().orElseThrow().config());
        }
    }

    @Test
    void theRepositorysOtherNameIsRead(@TempDir Path folder) throws IOException {
        Path model = Shared.golden("llava/original/model");
        Files.copy(model.resolve("config.other.json"), folder.resolve("config.json"));
        Files.copy(model.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        try (Checkpoint other = Checkpoint.open(folder);
                Checkpoint first = Checkpoint.open(model)) {
            assertThat(other.config()).isEqualTo(first.config());
            VisionConfig vision = other.vision().orElseThrow().config();
            assertThat(vision).isEqualTo(first.vision().orElseThrow().config());
            assertThat(vision.tower()).isEqualTo(Optional.of("openai/clip-vit-tiny-golden"));
            assertThat(vision.aspect()).isEqualTo(ImageAspect.PAD);
        }
    }

    @Test
    void idsAreThoseOfTheCases() throws IOException {
        JsonNode cases = Json.MAPPER.readTree(Shared.golden("llava/cases.json").toFile());
        try (Checkpoint model = Checkpoint.open(Shared.golden("llava/hf-old-keys"))) {
            Vision vision = model.vision().orElseThrow();
            assertThat(vision.config().imageId())
                    .isEqualTo(cases.get("image_token_id").intValue());
            assertThat(vision.config().rows(vision.tower().config()))
                    .isEqualTo(cases.get("patches_per_image").intValue());
            assertThat(model.config().vocabSize())
                    .isEqualTo(cases.get("vocabulary_rows").intValue());
        }
    }
}
