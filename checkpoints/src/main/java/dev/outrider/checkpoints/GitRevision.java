package dev.outrider.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The commit that a checkout is at, read from its files: no git needs to be installed. */
final class GitRevision {
    private static final int HEX = 40;

    private GitRevision() {}

    /** Empty where the folder is no checkout, or not of a kind that is understood. */
    static Optional<String> of(Path checkout) {
        try {
            Path git = checkout.resolve(".git");
            if (Files.isRegularFile(git)) git = checkout.resolve(after("gitdir:", git));
            if (!Files.isDirectory(git)) return Optional.empty();
            String head = Files.readString(git.resolve("HEAD")).trim();
            return head.startsWith("ref:") ? reference(git, head.substring(4).trim()) : revision(head);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    // A worktree keeps its branches in the main checkout's folder, named by commondir.
    private static Optional<String> reference(Path git, String name) throws IOException {
        Path common = git.resolve("commondir");
        Path shared =
                Files.exists(common) ? git.resolve(Files.readString(common).trim()) : git;
        Path loose = shared.resolve(name), packed = shared.resolve("packed-refs");
        if (Files.exists(loose)) return revision(Files.readString(loose).trim());
        if (!Files.exists(packed)) return Optional.empty();
        return Files.readAllLines(packed).stream()
                .filter(line -> line.endsWith(" " + name))
                .findFirst()
                .flatMap(line -> revision(line.substring(0, line.indexOf(' '))));
    }

    private static Optional<String> revision(String text) {
        return text.length() >= HEX && text.chars().allMatch(c -> Character.digit(c, 16) >= 0)
                ? Optional.of(text)
                : Optional.empty();
    }

    private static String after(String prefix, Path file) throws IOException {
        return Files.readString(file).trim().substring(prefix.length()).trim();
    }
}
