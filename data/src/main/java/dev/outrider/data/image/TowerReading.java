package dev.outrider.data.image;

import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.Vision;
import dev.outrider.data.shard.Hashes;
import java.io.Serializable;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.TreeSet;

/**
 * How a model reads pictures by a tower.
 *
 * @param tower directory of the tower, or of a model that has one, with its preprocessor_config.json
 * @param aspect what becomes of pictures that are no squares
 * @param layers of the tower that run before the features that are read
 */
public record TowerReading(String tower, ImageAspect aspect, int layers) implements Serializable {
    private static final long CHUNK = 1 << 20;

    public static TowerReading of(Vision vision) {
        Tower tower = vision.tower();
        return new TowerReading(
                tower.path().toAbsolutePath().toString(),
                vision.config().aspect(),
                vision.config().layersRun(tower.config()));
    }

    /** sha256 over all that a picture's features depend on, its EXIF orientation applied. Reads the tower. */
    public String hash() {
        try (Tower opened = open()) {
            return Hashes.of(hash(opened, layers) + hash(preprocessing(), aspect, true));
        }
    }

    Tower open() {
        return Tower.open(Path.of(tower));
    }

    ImagePreprocessing preprocessing() {
        return ImagePreprocessing.read(Path.of(tower));
    }

    /** sha256 over a tower's shape and weights, and the layers that run: the same where features are. Reads all of it. */
    static String hash(Tower tower, int layers) {
        MessageDigest digest = Hashes.sha256();
        digest.update((tower.config() + " " + layers).getBytes(StandardCharsets.UTF_8));
        for (String name : new TreeSet<>(tower.names())) {
            Tensor t = tower.tensor(name);
            String head = t.name() + " " + t.dtype() + " " + Arrays.toString(t.shape());
            digest.update(head.getBytes(StandardCharsets.UTF_8));
            update(digest, t.data());
        }
        return Hashes.hex(digest);
    }

    private static void update(MessageDigest digest, MemorySegment data) {
        for (long at = 0; at < data.byteSize(); at += CHUNK) {
            digest.update(
                    data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
        }
    }

    /** sha256 over how levels come about: preprocessing without what only turns levels into numbers. */
    static String hash(ImagePreprocessing p, ImageAspect aspect, boolean upright) {
        return Hashes.of(p + " " + aspect + " " + upright);
    }
}
