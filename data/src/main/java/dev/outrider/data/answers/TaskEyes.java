package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Vision;
import dev.outrider.data.image.ImageFile;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.PictureFolders;
import dev.outrider.data.image.PictureIndex;
import dev.outrider.data.image.PictureStore;
import dev.outrider.data.image.TowerReading;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Eyes;
import dev.outrider.decode.model.Features;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a task sees with: pictures by the names that prompts have for them, and their features, each made once. */
final class TaskEyes implements AutoCloseable {
    private final PictureFolders folders;
    private final ImageLoader loader;
    private final PictureStore store;
    private final Sight sight;
    private final Eyes eyes;
    private final int rows;
    private final boolean tower;
    private final Map<String, Picture> pictures = new HashMap<>();

    private TaskEyes() {
        folders = null;
        loader = null;
        store = null;
        sight = null;
        eyes = null;
        rows = 0;
        tower = false;
    }

    private TaskEyes(Device device, Vision vision, AnswerEyes where, PictureStore store) {
        this.store = store;
        folders = store == null ? new PictureFolders(where.folders()) : null;
        loader = store == null ? ImageLoader.of(vision) : null;
        Optional<Features> features = store == null ? Optional.empty() : store.features(device);
        tower = features.isEmpty();
        sight = tower ? Sight.of(device, vision, where.kept()) : new Sight(device, features.get(), where.kept());
        eyes = new Eyes(vision, sight);
        rows = vision.config().rows(vision.tower().config());
    }

    /**
     * @param target with its tower
     * @param where pictures are; kept above 0
     */
    static TaskEyes open(Device device, SharedTarget target, AnswerEyes where) {
        if (!where.open()) return new TaskEyes();
        Vision vision = target.checkpoint().vision().orElseThrow();
        PictureStore store = where.store().isEmpty() ? null : PictureStore.open(Path.of(where.store()));
        try {
            if (store != null) store.require(TowerReading.of(vision));
            return new TaskEyes(device, vision, where, store);
        } catch (RuntimeException | Error e) {
            if (store != null) store.close();
            throw e;
        }
    }

    /** For the batch; empty where no pictures are seen. */
    Optional<Eyes> eyes() {
        return Optional.ofNullable(eyes);
    }

    /** @throws Failure DATA where one of them is missing, or none that the store could keep */
    List<Picture> pictures(List<String> names) {
        return names.stream().map(this::picture).toList();
    }

    private Picture picture(String name) {
        if (eyes == null) {
            throw Failure.usage(name, "a prompt about an image", "folders of images", "Name where images lie.");
        }
        Picture known = pictures.get(name);
        if (known == null) pictures.put(name, known = store == null ? file(name) : stored(name));
        return known;
    }

    private Picture file(String name) {
        return new ImageFile(folders.require(name), loader);
    }

    private Picture stored(String name) {
        PictureIndex.Entry entry = store.index().entry(name);
        if (entry.kept()) return store.picture(entry.id());
        throw Failure.data(name, entry.why(), "an image that the store has", "Make the store with this image.");
    }

    /** Tokens that the target reads of a prompt. */
    int length(int[] prompt) {
        int length = 0;
        for (int id : prompt) length += Picture.isPlaceholder(id) ? rows : 1;
        return length;
    }

    /** How often the tower ran. */
    long towerRuns() {
        return tower ? sight.runs() : 0;
    }

    @Override
    public void close() {
        if (sight != null) sight.close();
        if (store != null) store.close();
    }
}
