package dev.outrider.checkpoints;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What an IOException means for the person at the machine: a full disk, a wrong path, a broken file. */
public final class DiskFailures {
    // ENOSPC, EDQUOT and Windows' wording; EROFS and ENOTDIR have no exception type of their own.
    private static final List<String> FULL =
            List.of("No space left on device", "Disk quota exceeded", "not enough space on the disk");
    private static final List<String> UNWRITABLE =
            List.of("Read-only file system", "Not a directory", "Is a directory", "Permission denied");

    private DiskFailures() {}

    /**
     * What a failed writing is.
     *
     * @return MACHINE for a full or broken disk, USAGE for a path that cannot be written
     */
    public static Failure writing(Path target, IOException e) {
        if (says(e, FULL)) {
            return new Failure(
                    Failure.Kind.MACHINE,
                    target.toString(),
                    "a full disk (" + e.getMessage() + ")",
                    "room for it",
                    "Free some space or choose another place; what was there before is untouched.",
                    e);
        }
        if (isUnwritable(e)) {
            return new Failure(
                    Failure.Kind.USAGE,
                    target.toString(),
                    reason(e),
                    "a path that can be written",
                    "Choose another path or change the permissions of its folder.",
                    e);
        }
        return broken(target, "writing failed: ", e);
    }

    /**
     * What a failed reading is.
     *
     * @return DATA for an absent file, USAGE for one that may not be read, MACHINE for a broken disk
     */
    public static Failure reading(Path source, IOException e) {
        if (e instanceof NoSuchFileException) {
            return Failure.data(source.toString(), "no such file", "a readable file", "Check the path.");
        }
        if (e instanceof AccessDeniedException) {
            return Failure.usage(
                    source.toString(), "no permission to read it", "a readable file", "Change its permissions.");
        }
        if (e instanceof CharacterCodingException) {
            return Failure.data(source.toString(), "bytes that are no UTF-8", "text in UTF-8", "Convert the file.");
        }
        return broken(source, "reading failed: ", e);
    }

    /** The Failure where the exception names a path or a full disk; empty where it may be anything. */
    public static Optional<Failure> recognised(IOException e) {
        if (e instanceof FileSystemException f && f.getFile() != null) {
            return Optional.of(writing(Path.of(f.getFile()), e));
        }
        return says(e, FULL) ? Optional.of(writing(Path.of("the disk"), e)) : Optional.empty();
    }

    private static Failure broken(Path path, String what, IOException e) {
        return new Failure(
                Failure.Kind.MACHINE,
                path.toString(),
                what + reason(e),
                "a disk that works",
                "Check the disk and try again.",
                e);
    }

    private static boolean isUnwritable(IOException e) {
        return e instanceof AccessDeniedException
                || e instanceof FileAlreadyExistsException
                || e instanceof NotDirectoryException
                || e instanceof NoSuchFileException
                || says(e, UNWRITABLE);
    }

    private static boolean says(IOException e, List<String> phrases) {
        return e.getMessage() != null && phrases.stream().anyMatch(e.getMessage()::contains);
    }

    private static String reason(IOException e) {
        if (e instanceof FileAlreadyExistsException) return "a file in its place (" + e.getMessage() + ")";
        if (e instanceof NoSuchFileException) return "no such folder (" + e.getMessage() + ")";
        if (e instanceof AccessDeniedException) return "no permission (" + e.getMessage() + ")";
        if (e instanceof FileSystemException f && f.getReason() != null)
            return f.getReason() + " (" + f.getFile() + ")";
        return e.getClass().getSimpleName() + " (" + e.getMessage() + ")";
    }
}
