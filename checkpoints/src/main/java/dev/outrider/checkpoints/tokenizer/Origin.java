package dev.outrider.checkpoints.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;

/**
 * Where a tokenizer was read from, for writing it: its own {@code tokenizer.json} and companions are copied as
 * long as they are what was read.
 *
 * @param json the tokenizer.json, if that it was
 * @param time when that was last changed
 * @param chatTemplate of a source that keeps it with the tokenizer
 */
record Origin(Optional<Path> json, Optional<FileTime> time, Optional<String> chatTemplate) {
    static final Origin NONE = new Origin(Optional.empty(), Optional.empty(), Optional.empty());

    private static final List<String> COMPANIONS = List.of(
            TokenizerJson.FILE,
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "chat_template.jinja",
            "chat_template.json");

    static Origin json(Path file) {
        return new Origin(Optional.of(file), changed(file), Optional.empty());
    }

    static Origin template(Optional<String> chatTemplate) {
        return new Origin(Optional.empty(), Optional.empty(), chatTemplate);
    }

    private static Optional<FileTime> changed(Path file) {
        try {
            return Optional.of(
                    Files.readAttributes(file, BasicFileAttributes.class).lastModifiedTime());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Copies the files where they still are what was read; false if there is nothing to copy. */
    boolean copy(Path directory) throws IOException {
        if (json.isEmpty() || time.isEmpty() || !changed(json.get()).equals(time)) return false;
        Path folder = json.get().toAbsolutePath().getParent();
        if (Files.exists(directory) && Files.isSameFile(folder, directory)) return false;
        if (!json.get().getFileName().toString().equals(TokenizerJson.FILE)) return false;
        for (String name : COMPANIONS) {
            if (Files.exists(folder.resolve(name))) copy(folder.resolve(name), directory.resolve(name));
        }
        return true;
    }

    // The content alone: a source that is read-only must not make the copy so.
    private static void copy(Path from, Path to) throws IOException {
        try (InputStream in = Files.newInputStream(from)) {
            Files.copy(in, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
