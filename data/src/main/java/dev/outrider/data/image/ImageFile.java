package dev.outrider.data.image;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.data.shard.Hashes;
import dev.outrider.decode.model.Picture;
import java.io.IOException;
import java.nio.file.Path;

/** A file as the models that look at it know it: by its bytes, its pixels made when a tower first asks for them. */
public final class ImageFile implements Picture {
    private final Path file;
    private final ImageLoader loader;
    private final String id;

    /** @throws dev.outrider.checkpoints.Failure as {@link DiskFailures#reading} where the file cannot be read */
    public ImageFile(Path file, ImageLoader loader) {
        this.file = file;
        this.loader = loader;
        try {
            id = Hashes.of(file);
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    /** Hash of the bytes: pictures of one loader are equal where these are. */
    @Override
    public String id() {
        return id;
    }

    /** @throws dev.outrider.checkpoints.Failure DATA where it is broken or too large */
    @Override
    public float[] pixels() {
        return loader.load(file).values();
    }
}
