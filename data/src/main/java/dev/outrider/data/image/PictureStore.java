package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Tower;
import dev.outrider.data.shard.ArrowFile;
import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Features;
import dev.outrider.decode.model.Picture;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Pictures that {@link PictureShards} made ready, mapped, by their ids: what a tower reads, or what it makes of it. Reads
 * without Spark; safe for several threads, save the {@link Features} that it gives.
 */
public final class PictureStore implements AutoCloseable {
    private final Path folder;
    private final PictureManifest manifest;
    private final Levels levels;
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> pictures = new HashMap<>();
    private PictureIndex index;

    private PictureStore(Path folder) {
        this.folder = folder;
        manifest = PictureManifest.read(folder);
        levels = new Levels(ImagePreprocessing.read(folder));
    }

    /**
     * Opens a folder; checks structure, not hashes.
     *
     * @throws Failure DATA where it is no store, or a damaged one
     */
    public static PictureStore open(Path folder) {
        PictureStore store = new PictureStore(folder);
        try {
            store.map();
            return store;
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    private void map() {
        for (PictureManifest.PictureFile file : manifest.files()) {
            new PictureFileReader(folder.resolve(file.name()), manifest, file, arena).forEach(pictures::put);
        }
    }

    /** {@link PictureManifest#hash} of a folder, which is not opened. */
    public static String hash(Path folder) {
        return PictureManifest.read(folder).hash();
    }

    public PictureManifest manifest() {
        return manifest;
    }

    /** Pictures in it. */
    public int size() {
        return pictures.size();
    }

    public boolean has(String id) {
        return pictures.containsKey(id);
    }

    /** Which picture a file is. Read from the disk at the first call. */
    public synchronized PictureIndex index() {
        if (index == null) index = PictureIndex.read(folder);
        return index;
    }

    /**
     * A picture. Of a store of features it has no pixels: asking for them is a Failure USAGE.
     *
     * @throws Failure DATA where the store has none of this id
     */
    public Picture picture(String id) {
        return new Stored(id, find(id));
    }

    private MemorySegment find(String id) {
        MemorySegment found = pictures.get(id);
        if (found != null) return found;
        throw Failure.data(
                folder.toString(),
                "no picture " + id,
                "one of the " + size() + " that it holds",
                "Make the store of the images that these rows name.");
    }

    private final class Stored implements Picture {
        private final String id;
        private final MemorySegment values;

        Stored(String id, MemorySegment values) {
            this.id = id;
            this.values = values;
        }

        @Override
        public String id() {
            return id;
        }

        @Override
        public float[] pixels() {
            if (manifest.kind() == PictureKind.LEVELS) return levels.values(values.toArray(ValueLayout.JAVA_BYTE));
            throw Failure.usage(
                    folder.toString(),
                    "a store of features, asked for the pixels of " + id,
                    "a store of levels, or the features alone",
                    "Read its features, or make a store of levels.");
        }
    }

    /** Where it is one of features: they, rounded to float16, as floats on a device. Closing them does nothing. */
    public Optional<Features> features(Device device) {
        return manifest.kind() == PictureKind.FEATURES ? Optional.of(new Kept(device)) : Optional.empty();
    }

    private final class Kept implements Features {
        private final Device device;
        private final float[] values = new float[manifest.values()];

        Kept(Device device) {
            this.device = device;
        }

        @Override
        public int rows() {
            return manifest.shape().getFirst();
        }

        @Override
        public int channels() {
            return manifest.shape().getLast();
        }

        @Override
        public int grid() {
            return manifest.grid();
        }

        @Override
        public void of(Picture picture, Buffer into) {
            MemorySegment halves = find(picture.id());
            for (int i = 0; i < values.length; i++) {
                values[i] = Float.float16ToFloat(halves.get(ArrowFile.SHORT, 2L * i));
            }
            device.upload(values, 0, into, values.length);
        }

        @Override
        public void close() {}
    }

    /**
     * Refuses a store that was made for another tower or another preprocessing.
     *
     * @throws Failure DATA naming what differs
     */
    public PictureStore require(TowerReading reading) {
        String preprocessing = TowerReading.hash(reading.preprocessing(), reading.aspect(), manifest.upright());
        if (!manifest.preprocessing().equals(preprocessing)) {
            throw other("pictures prepared otherwise", "prepared as " + reading.tower() + " reads them");
        }
        if (manifest.kind() == PictureKind.LEVELS) return this;
        try (Tower tower = reading.open()) {
            if (TowerReading.hash(tower, reading.layers()).equals(manifest.tower())) return this;
        }
        throw other(
                "features of another tower, or behind " + manifest.layers() + " of its layers",
                "those of " + reading.tower() + " behind " + reading.layers());
    }

    private Failure other(String found, String expected) {
        return Failure.data(
                folder.resolve(PictureManifest.NAME).toString(), found, expected, "Make the store for this model.");
    }

    /** Reads every byte and compares with the manifest's hashes. */
    public PictureStore verify() {
        for (PictureManifest.PictureFile file : manifest.files()) {
            Hashes.require(folder.resolve(file.name()), file.sha256(), "Copy or make the store again.");
        }
        return this;
    }

    @Override
    public void close() {
        arena.close();
    }
}
