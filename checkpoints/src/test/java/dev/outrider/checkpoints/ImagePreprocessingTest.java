package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.ImagePreprocessing.Exact;
import dev.outrider.checkpoints.ImagePreprocessing.ShortestEdge;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** preprocessor_config.json: CLIPImageProcessor's defaults, old and new spellings, and what is refused by name. */
class ImagePreprocessingTest {
    @TempDir
    Path folder;

    private ImagePreprocessing read(String json) throws IOException {
        Files.writeString(folder.resolve(ImagePreprocessing.FILE), json.replace('\'', '"'));
        return ImagePreprocessing.read(folder);
    }

    @Test
    void absentKeysTakeTheDefaultsOfClip() throws IOException {
        assertThat(read("{}")).isEqualTo(ImagePreprocessing.clip(224));
        assertThat(read("{'size': null, 'do_resize': null, 'image_mean': null}"))
                .isEqualTo(ImagePreprocessing.clip(224));
    }

    @Test
    void everyKeyIsRead() throws IOException {
        assertThat(read("""
                {'do_resize': false, 'size': {'height': 30, 'width': 40}, 'resample': 2, 'do_center_crop': false,
                 'crop_size': {'height': 20, 'width': 10}, 'do_rescale': false, 'rescale_factor': 0.5,
                 'do_normalize': false, 'image_mean': [0, 0.25, -1], 'image_std': 0.5, 'do_convert_rgb': false}"""))
                .isEqualTo(new ImagePreprocessing(
                        false,
                        new Exact(30, 40),
                        Resampling.BILINEAR,
                        false,
                        new Exact(20, 10),
                        false,
                        0.5,
                        false,
                        List.of(0.0, 0.25, -1.0),
                        List.of(0.5, 0.5, 0.5),
                        false));
    }

    @Test
    void sizesAreReadInTheirOldForm() throws IOException {
        ImagePreprocessing read =
                read("{'size': 30, 'crop_size': 20, 'feature_extractor_type': 'CLIPFeatureExtractor'}");
        assertThat(read.size()).isEqualTo(new ShortestEdge(30));
        assertThat(read.cropSize()).isEqualTo(new Exact(20, 20));
    }

    @Test
    void aDirectoryOfTheNewFormIsReadFromItsOneFile() throws IOException {
        Files.writeString(
                folder.resolve("processor_config.json"), "{\"image_processor\": {\"size\": {\"shortest_edge\": 30}}}");
        assertThat(ImagePreprocessing.read(folder).size()).isEqualTo(new ShortestEdge(30));
        read("{'size': {'shortest_edge': 40}}");
        assertThat(ImagePreprocessing.read(folder).size()).isEqualTo(new ShortestEdge(40));
    }

    @Test
    void anAbsentFileIsNamed() throws IOException {
        assertFailure(
                () -> ImagePreprocessing.read(folder), Failure.Kind.DATA, ImagePreprocessing.FILE, "no such file");
        Files.writeString(folder.resolve("processor_config.json"), "{}");
        assertFailure(() -> ImagePreprocessing.read(folder), Failure.Kind.DATA, "processor_config.json, key image_pro");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "size            | {'size': {'longest_edge': 30}}                       | shortest_edge alone",
                "size            | {'size': {'shortest_edge': 30, 'longest_edge': 40}}  | shortest_edge alone",
                "size            | {'size': {'height': 30}}                             | shortest_edge alone",
                "size            | {'size': true}                                       | an object",
                "size            | {'size': 0}                                          | above 0",
                "size            | {'size': 20000}                                      | at most 16384",
                "shortest_edge   | {'size': {'shortest_edge': 1.5}}                     | a whole number",
                "crop_size       | {'crop_size': {'shortest_edge': 30}}                 | height and width",
                "width           | {'crop_size': {'height': 30, 'width': -3}}           | above 0",
                "resample        | {'resample': 1}                                      | 2 (bilinear) or 3 (bicubic)",
                "resample        | {'resample': 'bicubic'}                              | a whole number",
                "rescale_factor  | {'rescale_factor': 0}                                | above 0",
                "image_mean      | {'image_mean': [0.5, 0.5]}                           | three numbers",
                "image_mean      | {'image_mean': [0.5, 0.5, 1e300]}                    | three numbers",
                "image_std       | {'image_std': [0.5, 0, 0.5]}                         | above 0",
                "image_std       | {'image_std': ['a', 0, 0.5]}                         | three numbers",
                "do_resize       | {'do_resize': 1}                                     | true or false",
                "image_processor_type | {'image_processor_type': 'SiglipImageProcessor'} | CLIPImageProcessor"
            })
    void whatIsWrongIsNamed(String key, String json, String expected) {
        assertFailure(() -> read(json), Failure.Kind.DATA, ImagePreprocessing.FILE, "key " + key, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{'size': {'height': 30, 'width': 40}, 'resample': 2, 'image_mean': [0, 0, 0]}"})
    void whatIsWrittenIsReadAgain(String json) throws IOException {
        ImagePreprocessing one = read(json);
        Files.delete(folder.resolve(ImagePreprocessing.FILE));
        one.write(folder);
        assertThat(ImagePreprocessing.read(folder)).isEqualTo(one);
    }

    static List<Path> goldens() {
        try (Stream<Path> files = Stream.of("clip-image", "llava", "clip")
                .map(Shared::golden)
                .filter(Files::isDirectory)
                .flatMap(ImagePreprocessingTest::walk)) {
            List<Path> found = files.filter(p -> p.endsWith(ImagePreprocessing.FILE))
                    .sorted()
                    .toList();
            assertThat(found).isNotEmpty();
            return found;
        }
    }

    private static Stream<Path> walk(Path folder) {
        try {
            return Files.walk(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same keys with the same values, but for the processor's class, which belongs to the whole model. */
    @Tag("goldens")
    @ParameterizedTest
    @MethodSource("goldens")
    void filesOfTransformersAreWrittenAgain(Path file) throws IOException {
        ImagePreprocessing.read(file.getParent()).write(folder);
        ObjectNode theirs = (ObjectNode) Json.MAPPER.readTree(file.toFile());
        JsonNode ours =
                Json.MAPPER.readTree(folder.resolve(ImagePreprocessing.FILE).toFile());
        theirs.remove("processor_class");
        assertThat(ours).isEqualTo(theirs);
    }

    @Test
    void theAspectStandsInTheModelsConfig() throws IOException {
        Path config = folder.resolve("config.json");
        Files.writeString(config, "{}");
        assertThat(ImageAspect.read(Json.read(folder.resolve(HuggingFaceConfig.FILE))))
                .isEqualTo(ImageAspect.SQUARE);
        Files.writeString(config, "{\"image_aspect_ratio\": \"pad\"}");
        assertThat(ImageAspect.read(Json.read(folder.resolve(HuggingFaceConfig.FILE))))
                .isEqualTo(ImageAspect.PAD);
        Files.writeString(config, "{\"image_aspect_ratio\": \"anyres\"}");
        assertFailure(
                () -> ImageAspect.read(Json.read(folder.resolve(HuggingFaceConfig.FILE))),
                Failure.Kind.DATA,
                "config.json, key image_aspect_ratio",
                "anyres");
    }
}
