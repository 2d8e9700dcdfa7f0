package dev.outrider.data.image;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.data.shard.Hashes;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a store of pictures holds ({@code pictures.json}). No time and no place, so equal stores have equal manifests.
 *
 * @param shape of a picture: [3, S, S] of levels, [P + 1, C] of features
 * @param grid patches along a side; 0 for levels
 * @param layers of the tower that ran; 0 for levels
 * @param tower hash of the tower and its layers that ran; empty for levels
 * @param preprocessing hash of how levels came about; the settings themselves lie beside it
 * @param counts file names by their fates; {@code pictures}: how many different ones are stored
 */
public record PictureManifest(
        int schema,
        PictureKind kind,
        List<Integer> shape,
        int grid,
        int layers,
        String tower,
        String preprocessing,
        ImageAspect aspect,
        boolean upright,
        List<PictureFile> files,
        Map<String, Long> counts) {
    /** The version written here. */
    public static final int SCHEMA = 1;

    public static final String NAME = "pictures.json";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    /** One Arrow file with some of the pictures. */
    public record PictureFile(String name, long pictures, long bytes, String sha256) implements Serializable {}

    public PictureManifest {
        shape = List.copyOf(shape);
        files = List.copyOf(files);
        counts = Collections.unmodifiableMap(new TreeMap<>(counts));
    }

    /** Values of a picture. */
    int values() {
        return shape.stream().reduce(1, Math::multiplyExact);
    }

    /** Bytes of a picture. */
    int bytes() {
        return Math.multiplyExact(values(), kind == PictureKind.LEVELS ? 1 : 2);
    }

    /** sha256 over everything it says, and so over the files' own hashes. */
    public String hash() {
        return Hashes.of(json());
    }

    private String json() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    void write(Path folder) throws IOException {
        Files.writeString(folder.resolve(NAME), json() + "\n");
    }

    /** @throws Failure DATA where there is none, or one that is damaged or of another version */
    public static PictureManifest read(Path folder) {
        Path file = folder.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            throw Failure.data(folder.toString(), "no " + NAME, "a store of pictures", "Make it first.");
        }
        try {
            PictureManifest manifest = JSON.readValue(file.toFile(), PictureManifest.class);
            manifest.check(file);
            return manifest;
        } catch (IOException | RuntimeException e) {
            if (e instanceof Failure failure) throw failure;
            throw corrupt(file, "what is no manifest (" + e.getMessage() + ")");
        }
    }

    private void check(Path file) {
        if (schema != SCHEMA) {
            throw Failure.data(
                    file + ", schema",
                    "version " + schema + (schema < SCHEMA ? ", too old" : ", too new"),
                    "version " + SCHEMA,
                    "Use the version of Outrider that wrote it, or make the store again.");
        }
        boolean whole = kind != null && tower != null && preprocessing != null && aspect != null;
        int sizes = kind == PictureKind.LEVELS ? 3 : 2;
        if (!whole || shape.size() != sizes || shape.stream().anyMatch(n -> n < 1)) {
            throw corrupt(file, "no kind or shape");
        }
        if (kind == PictureKind.FEATURES && shape.getFirst() != grid * grid + 1)
            throw corrupt(file, "a grid of " + grid);
    }

    private static Failure corrupt(Path file, String found) {
        return Failure.data(file.toString(), found + "; corrupt", "a manifest of pictures", "Copy or make it again.");
    }
}
