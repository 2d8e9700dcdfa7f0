package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/**
 * What {@link PictureShards} is to do.
 *
 * @param files names as rows have them, relative to one of the folders; each comes once
 * @param reading whose preprocessing it is, and whose features
 * @param options largest size, and EXIF's orientation; the aspect is the reading's
 * @param skipBad whether images that are missing, broken or too large are counted, named and left out; otherwise the first
 *     that is met is an error
 * @param perShard pictures of a file, about: one Spark task makes a file
 */
public record PictureSpec(
        PictureFolders folders,
        List<String> files,
        Path output,
        PictureKind kind,
        TowerReading reading,
        ImageOptions options,
        boolean skipBad,
        int perShard) {
    /** 300 MB of features of CLIP-L/14 at 336 pixels. */
    public static final int PER_SHARD = 256;

    public PictureSpec {
        files = files.stream().distinct().sorted().toList();
        options = options.with(reading.aspect());
        if (files.isEmpty() || perShard < 1) {
            throw Failure.usage(
                    "pictures",
                    files.size() + " names, " + perShard + " a shard",
                    "at least one of each",
                    "Correct the setting.");
        }
    }

    /** With the usual limits. */
    public static PictureSpec of(
            PictureFolders folders,
            Collection<String> files,
            Path output,
            PictureKind kind,
            TowerReading reading,
            boolean skipBad) {
        return new PictureSpec(
                folders, List.copyOf(files), output, kind, reading, ImageOptions.defaults(), skipBad, PER_SHARD);
    }
}
