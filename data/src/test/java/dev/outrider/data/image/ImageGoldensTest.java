package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Safetensors;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Pixels that transformers' CLIPImageProcessor made of files, by Pillow. */
@Tag("goldens")
class ImageGoldensTest {
    private static final String FOLDER = "clip-image";

    /** Names of the pictures, without ending, and their files. */
    private static Map<String, Path> files(String folder) {
        Map<String, Path> files = new TreeMap<>();
        for (Path file : Shared.files(FOLDER + "/" + folder, "")) {
            String name = file.getFileName().toString();
            files.put(name.substring(0, name.lastIndexOf('.')), file);
        }
        return files;
    }

    private static List<String> tensors(String file, String prefix) {
        try (Safetensors all = Safetensors.open(Shared.golden(FOLDER + "/" + file))) {
            return all.names().stream()
                    .filter(n -> n.startsWith(prefix))
                    .sorted()
                    .toList();
        }
    }

    static List<String> levels() {
        return tensors("levels.safetensors", "");
    }

    static List<String> slowValues() {
        return Stream.of("slow.", "pad.", "upright.")
                .flatMap(p -> tensors("expected.safetensors", p).stream())
                .toList();
    }

    static List<String> fastValues() {
        return tensors("expected.safetensors", "fast.");
    }

    private static ImageLoader loader(String tensor) {
        ImageOptions options = ImageOptions.defaults()
                .withUpright(tensor.startsWith("upright."))
                .with(tensor.startsWith("pad.") ? ImageAspect.PAD : ImageAspect.SQUARE);
        return new ImageLoader(ImagePreprocessing.read(Shared.golden(FOLDER)), options);
    }

    private static String picture(String tensor) {
        return tensor.substring(tensor.indexOf('.') + 1);
    }

    private static ImageSource source(Path file) throws IOException {
        return ImageSource.read(new ImageBytes(file.toString(), Files.readAllBytes(file)));
    }

    /** As Pillow decoded it, and turned where the tensor says so. */
    private static Raster decoded(String tensor) throws IOException {
        Path file = files("decoded").get(picture(tensor));
        Raster raster = Decoder.decode(file.toString(), source(file));
        int orientation = source(files("images").get(picture(tensor))).orientation();
        return tensor.startsWith("upright.") ? raster.upright(orientation) : raster;
    }

    private static double[] difference(byte[] ours, Tensor theirs) {
        byte[] levels = theirs.data().toArray(ValueLayout.JAVA_BYTE);
        assertThat(ours).hasSameSizeAs(levels);
        double most = 0, sum = 0;
        for (int i = 0; i < ours.length; i++) {
            int difference = Math.abs((ours[i] & 255) - (levels[i] & 255));
            most = Math.max(most, difference);
            sum += difference;
        }
        return new double[] {most, sum / ours.length};
    }

    private static double fastTolerance(String picture) throws IOException {
        for (JsonNode one : new ObjectMapper()
                .readTree(Shared.golden(FOLDER + "/report.json").toFile())) {
            if (one.get("file").textValue().startsWith(picture + "."))
                return one.get("fast_minus_slow_max_levels").doubleValue();
        }
        throw new AssertionError("report.json has no " + picture);
    }

    @ParameterizedTest
    @MethodSource("levels")
    void levelsOfDecodedPicturesAreTheSame(String name) throws IOException {
        try (Safetensors all = Safetensors.open(Shared.golden(FOLDER + "/levels.safetensors"))) {
            Raster ours = loader(name).shaped(decoded(name));
            double most = difference(ours.levels(), all.tensor(name))[0];
            assertThat(most).isLessThanOrEqualTo(name.startsWith("fast.") ? fastTolerance(picture(name)) : 0);
        }
    }

    @ParameterizedTest
    @MethodSource("levels")
    void levelsOfFilesAreNearlyTheSame(String name) throws IOException {
        try (Safetensors all = Safetensors.open(Shared.golden(FOLDER + "/levels.safetensors"))) {
            Path file = files("images").get(picture(name));
            double[] difference = difference(loader(name).shaped(file).levels(), all.tensor(name));
            boolean jpeg = source(file).format().equals("JPEG");
            assertThat(difference[1]).isLessThan(1);
            if (!jpeg && !name.startsWith("fast.")) assertThat(difference[0]).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("slowValues")
    void valuesAreTheSameFloats(String name) throws IOException {
        try (Safetensors all = Safetensors.open(Shared.golden(FOLDER + "/expected.safetensors"))) {
            Tensor theirs = all.tensor(name);
            Pixels ours = loader(name).pixels(loader(name).shaped(decoded(name)));
            assertThat(new long[] {3, ours.height(), ours.width()}).containsExactly(theirs.shape());
            assertThat(ours.values()).containsExactly(theirs.floats());
        }
    }

    @ParameterizedTest
    @MethodSource("fastValues")
    void valuesOfTheFastProcessorAreALevelAway(String name) throws IOException {
        ImagePreprocessing settings = ImagePreprocessing.read(Shared.golden(FOLDER));
        double std = settings.std().stream().min(Double::compare).orElseThrow();
        float most = (float) (fastTolerance(picture(name)) / 255 / std) + 1e-5f;
        try (Safetensors all = Safetensors.open(Shared.golden(FOLDER + "/expected.safetensors"))) {
            float[] ours =
                    loader(name).pixels(loader(name).shaped(decoded(name))).values();
            assertThat(ours)
                    .usingComparatorWithPrecision(most)
                    .containsExactly(all.tensor(name).floats());
        }
    }

    /** cropped336-coco-b.png: the size is the file's own. */
    @Test
    void largerCropsAreTheSame() throws IOException {
        for (Path file : Shared.files(FOLDER, ".png")) {
            String picture = file.getFileName().toString().replaceAll("cropped\\d+-|\\.png", "");
            Raster theirs = Decoder.decode(file.toString(), source(file));
            ImageLoader loader = new ImageLoader(ImagePreprocessing.clip(theirs.width()), ImageOptions.defaults());
            Raster ours = loader.shaped(decoded("slow." + picture));
            assertThat(ours.levels()).containsExactly(theirs.levels());
        }
    }

    /** What LlavaProcessor made of an image file. */
    @Test
    void theProcessorOfLlavaGivesTheSame() {
        Path folder = Shared.golden("llava");
        Path model = Shared.cases("llava").stream()
                .filter(c -> Files.exists(c.resolve(ImagePreprocessing.FILE)))
                .findFirst()
                .orElseThrow();
        ImageLoader loader = new ImageLoader(ImagePreprocessing.read(model), ImageOptions.defaults());
        try (Safetensors all = Safetensors.open(folder.resolve("expected.safetensors"))) {
            Tensor theirs = all.tensor("processor.pixel_values");
            Pixels ours = loader.load(folder.resolve("image.png"));
            assertThat(new long[] {1, 3, ours.height(), ours.width()}).containsExactly(theirs.shape());
            assertThat(ours.values()).containsExactly(theirs.floats());
        }
    }
}
