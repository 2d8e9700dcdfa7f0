package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Folders in which the images lie that rows name; the first that has a file of the name counts. Names that lead out of a
 * folder find nothing there.
 */
public record PictureFolders(List<String> folders) implements Serializable {
    public PictureFolders {
        folders = folders.stream()
                .map(folder -> Path.of(folder).toAbsolutePath().toString())
                .toList();
        for (String folder : folders) requireFolder(folder);
    }

    public static PictureFolders of(Path... folders) {
        return new PictureFolders(
                java.util.Arrays.stream(folders).map(Path::toString).toList());
    }

    private static void requireFolder(String folder) {
        if (Files.isDirectory(Path.of(folder))) return;
        throw Failure.usage(folder, "no such folder", "a folder with images", "Correct the path.");
    }

    /** The file of this name. */
    public Optional<Path> find(String name) {
        return folders.stream()
                .flatMap(folder -> inside(Path.of(folder), name).stream())
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private static Optional<Path> inside(Path folder, String name) {
        try {
            Path file = folder.resolve(name).normalize();
            return file.startsWith(folder.normalize()) ? Optional.of(file) : Optional.empty();
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** @throws Failure DATA where none of the folders has a file of this name */
    public Path require(String name) {
        return find(name).orElseThrow(() -> missing(name));
    }

    /** What is said of a name that none of the folders has. */
    public Failure missing(String name) {
        return Failure.data(
                name,
                "no such image in " + String.join(", ", folders),
                "an image file",
                "Get the image, name its folder, or leave out the rows with it.");
    }
}
