package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How a picture becomes the numbers that a tower reads: preprocessor_config.json, both ways. Absent keys take the
 * defaults of transformers' CLIPImageProcessor, keys without effect on it are passed over, and processors that do
 * something else are refused by name. A directory that has processor_config.json alone is read from there.
 *
 * @param rescaleFactor levels of 0..255 are multiplied by it
 * @param mean per channel R, G, B, of rescaled values
 * @param std standard deviation per channel, of rescaled values
 * @param convertRgb kept for whoever reads the file; Outrider converts every picture to RGB
 */
public record ImagePreprocessing(
        boolean resize,
        Size size,
        Resampling resampling,
        boolean centreCrop,
        Exact cropSize,
        boolean rescale,
        double rescaleFactor,
        boolean normalise,
        List<Double> mean,
        List<Double> std,
        boolean convertRgb) {
    public static final String FILE = "preprocessor_config.json";

    private static final String WHOLE = "processor_config.json", INSIDE = "image_processor";
    private static final String PROCESSOR = "CLIPImageProcessor";
    private static final Set<String> PROCESSORS = Set.of(PROCESSOR, "CLIPImageProcessorFast", "CLIPFeatureExtractor");
    private static final String OTHER = "Use a CLIP tower's directory; other processors are not supported.";
    private static final List<Double> CLIP_MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
    private static final List<Double> CLIP_STD = List.of(0.26862954, 0.26130258, 0.27577711);
    // A crop of 16,384 by 16,384 has 3 GB of values.
    private static final int MOST_PIXELS_OF_AN_EDGE = 16384;

    /** What a picture is resized to. */
    public sealed interface Size permits ShortestEdge, Exact {}

    /** The shortest edge in pixels; the other one keeps the shape. */
    public record ShortestEdge(int edge) implements Size {}

    /** Both edges in pixels; the shape is lost. */
    public record Exact(int height, int width) implements Size {}

    public ImagePreprocessing {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
    }

    /** What CLIPImageProcessor does by default, for an image of the given edge. */
    public static ImagePreprocessing clip(int edge) {
        return new ImagePreprocessing(
                true,
                new ShortestEdge(edge),
                Resampling.BICUBIC,
                true,
                new Exact(edge, edge),
                true,
                1 / 255.0,
                true,
                CLIP_MEAN,
                CLIP_STD,
                true);
    }

    /** @throws Failure DATA naming file and key */
    public static ImagePreprocessing read(Path folder) {
        Path file = folder.resolve(FILE), whole = folder.resolve(WHOLE);
        if (Files.exists(file) || !Files.exists(whole)) return read(Json.read(file));
        Keys keys = Json.read(whole);
        return read(keys.object(INSIDE).orElseThrow(() -> keys.wrong(INSIDE, "an object, as there is no " + FILE)));
    }

    private static ImagePreprocessing read(Keys keys) {
        refuseOthers(keys);
        return new ImagePreprocessing(
                keys.flag("do_resize", true),
                size(keys),
                resampling(keys),
                keys.flag("do_center_crop", true),
                crop(keys),
                keys.flag("do_rescale", true),
                keys.number("rescale_factor", 1 / 255.0),
                keys.flag("do_normalize", true),
                channels(keys, "image_mean", CLIP_MEAN),
                deviations(keys),
                keys.flag("do_convert_rgb", true));
    }

    private static void refuseOthers(Keys keys) {
        for (String key : List.of("image_processor_type", "feature_extractor_type")) {
            if (!PROCESSORS.contains(keys.text(key).orElse(PROCESSOR))) throw keys.wrong(key, PROCESSOR, OTHER);
        }
    }

    private static Size size(Keys keys) {
        String key = "size";
        if (!keys.has(key)) return new ShortestEdge(224);
        if (keys.node().get(key).isNumber()) return new ShortestEdge(edge(keys, key));
        Keys size = keys.object(key).orElseThrow();
        if (names(size).equals(Set.of("shortest_edge"))) return new ShortestEdge(edge(size, "shortest_edge"));
        return exact(keys, key, "shortest_edge alone, or height and width");
    }

    private static Exact crop(Keys keys) {
        String key = "crop_size";
        if (!keys.has(key)) return new Exact(224, 224);
        if (!keys.node().get(key).isNumber()) return exact(keys, key, "height and width");
        return new Exact(edge(keys, key), edge(keys, key));
    }

    private static Exact exact(Keys keys, String key, String expected) {
        Keys size = keys.object(key).orElseThrow();
        if (!names(size).equals(Set.of("height", "width"))) throw keys.wrong(key, expected);
        return new Exact(edge(size, "height"), edge(size, "width"));
    }

    private static Set<String> names(Keys keys) {
        Set<String> names = new HashSet<>();
        keys.node().fieldNames().forEachRemaining(name -> {
            if (keys.has(name)) names.add(name);
        });
        return names;
    }

    private static int edge(Keys keys, String key) {
        int edge = keys.positive(key);
        if (edge <= MOST_PIXELS_OF_AN_EDGE) return edge;
        throw keys.wrong(key, "at most " + MOST_PIXELS_OF_AN_EDGE + " pixels");
    }

    private static Resampling resampling(Keys keys) {
        if (!keys.has("resample")) return Resampling.BICUBIC;
        Optional<Resampling> found = Resampling.of(keys.whole("resample"));
        return found.orElseThrow(() -> keys.wrong("resample", "2 (bilinear) or 3 (bicubic)", OTHER));
    }

    private static List<Double> deviations(Keys keys) {
        List<Double> std = channels(keys, "image_std", CLIP_STD);
        if (std.stream().allMatch(s -> s > 0)) return std;
        throw keys.wrong("image_std", "numbers above 0");
    }

    /** One number for all channels, or three. */
    private static List<Double> channels(Keys keys, String key, List<Double> absent) {
        if (!keys.has(key)) return absent;
        JsonNode node = keys.node().get(key);
        List<Double> values = new ArrayList<>();
        for (JsonNode one : node.isArray() ? node : List.of(node, node, node)) {
            if (!one.isNumber() || !Float.isFinite(one.floatValue())) throw keys.wrong(key, "three numbers");
            values.add(one.doubleValue());
        }
        if (values.size() != 3) throw keys.wrong(key, "three numbers: R, G, B");
        return values;
    }

    /** The file, as CLIPImageProcessor writes and reads it: {@link #read} gives an equal value. */
    public void write(Path folder) throws IOException {
        ObjectNode json = Json.MAPPER.createObjectNode();
        json.set("crop_size", edges(cropSize));
        json.put("do_center_crop", centreCrop).put("do_convert_rgb", convertRgb).put("do_normalize", normalise);
        json.put("do_rescale", rescale).put("do_resize", resize);
        list(json.putArray("image_mean"), mean);
        json.put("image_processor_type", PROCESSOR);
        list(json.putArray("image_std"), std);
        json.put("resample", resampling.number).put("rescale_factor", rescaleFactor);
        json.set("size", edges(size));
        Json.write(folder.resolve(FILE), json);
    }

    private static ObjectNode edges(Size size) {
        ObjectNode json = Json.MAPPER.createObjectNode();
        return switch (size) {
            case ShortestEdge s -> json.put("shortest_edge", s.edge());
            case Exact e -> json.put("height", e.height()).put("width", e.width());
        };
    }

    private static void list(ArrayNode json, List<Double> values) {
        values.forEach(json::add);
    }
}
