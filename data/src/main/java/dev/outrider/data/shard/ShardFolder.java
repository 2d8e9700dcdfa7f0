package dev.outrider.data.shard;

import dev.outrider.data.shard.ShardManifest.ShardFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Writes a whole split in one process: shards of at most so many rows, and last the manifest. */
public final class ShardFolder {
    private ShardFolder() {}

    /** Name of shard number {@code index}. */
    public static String name(int index) {
        return "shard-%05d.arrow".formatted(index);
    }

    /**
     * Writes one shard with all these rows.
     *
     * @param length T
     */
    public static ShardFile shard(Path file, int length, String tokenizerHash, Iterator<ShardRow> rows)
            throws IOException {
        return shard(file, length, tokenizerHash, 0, false, rows);
    }

    /** As above, with laws of {@code topK} entries a token, and with a column of pictures. */
    public static ShardFile shard(
            Path file, int length, String tokenizerHash, int topK, boolean pictures, Iterator<ShardRow> rows)
            throws IOException {
        try (ShardWriter writer = new ShardWriter(file, length, tokenizerHash, topK, pictures)) {
            while (rows.hasNext()) writer.add(rows.next());
            return writer.finish();
        }
    }

    /**
     * Writes the rows in their order.
     *
     * @param folder made if absent; holds no shards yet
     * @param length T
     */
    public static ShardManifest write(
            Path folder, String tokenizerHash, int vocabSize, int length, int rowsPerFile, List<ShardRow> rows)
            throws IOException {
        Files.createDirectories(folder);
        List<ShardFile> files = new ArrayList<>();
        boolean pictures = rows.stream().anyMatch(row -> !row.pictures().isEmpty());
        for (int at = 0; at < rows.size(); at += rowsPerFile) {
            List<ShardRow> part = rows.subList(at, Math.min(rows.size(), at + rowsPerFile));
            files.add(shard(folder.resolve(name(files.size())), length, tokenizerHash, 0, pictures, part.iterator()));
        }
        ShardManifest manifest = ShardManifest.of(tokenizerHash, vocabSize, length, files, Map.of(), Map.of());
        manifest.write(folder);
        return manifest;
    }
}
