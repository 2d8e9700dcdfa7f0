package dev.outrider.checkpoints;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Files and folders that appear whole or not at all: written under a temporary name in the same parent,
 * forced to the disk, then renamed. A writer that fails leaves nothing behind; a process that is killed
 * leaves at most a hidden temporary, and what stood at the target before.
 */
public final class AtomicFiles {
    private static final String TEMPORARY = ".tmp-", ASIDE = ".old-";

    private AtomicFiles() {}

    /** Writes to the given temporary path: creates the file, or fills the folder that is already there. */
    @FunctionalInterface
    public interface Writer {
        void write(Path temporary) throws IOException;
    }

    /**
     * Writes a file, replacing an old one.
     *
     * @throws Failure MACHINE where the disk is full or broken, USAGE where the path cannot be written
     */
    public static void file(Path target, Writer writer) {
        attempt(target, temporary -> {
            writer.write(temporary);
            force(temporary, StandardOpenOption.WRITE);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        });
    }

    /**
     * Writes a folder with all that the writer puts into it, replacing an old one. Where the system can
     * exchange two folders in one step (Linux, macOS) the target is at no moment absent.
     *
     * @throws Failure as {@link #file}
     */
    public static void directory(Path target, Writer writer) {
        attempt(target, temporary -> {
            refuseFile(target);
            Files.createDirectory(temporary);
            writer.write(temporary);
            forceTree(temporary);
            Exchange.intoPlace(temporary, target);
        });
    }

    private static void refuseFile(Path target) throws IOException {
        if (Files.exists(target) && !Files.isDirectory(target)) throw new FileAlreadyExistsException(target.toString());
    }

    // The temporary is gone afterwards, however the body ends: renamed, or deleted (an exchanged old folder too).
    private static void attempt(Path relative, Writer body) {
        Path target = relative.toAbsolutePath().normalize();
        Path temporary = temporary(target);
        List<Path> parents = List.of();
        boolean done = false;
        try {
            parents = createParents(target);
            body.write(temporary);
            forceFolder(target.getParent());
            done = true;
        } catch (IOException e) {
            throw DiskFailures.writing(target, e);
        } catch (UncheckedIOException e) {
            throw DiskFailures.writing(target, e.getCause());
        } finally {
            deleteQuietly(temporary);
            if (!done) parents.forEach(AtomicFiles::deleteQuietly);
        }
    }

    /** Hidden, beside the target. */
    static Path temporary(Path target) {
        return hidden(target, TEMPORARY);
    }

    /** Where an old folder waits for its successor on systems that cannot exchange two. */
    static Path aside(Path target) {
        return hidden(target, ASIDE);
    }

    /** Deletes what killed processes left in a folder; only for who alone writes there. */
    static void clear(Path folder) throws IOException {
        restore(folder);
        for (Path p : hidden(folder)) delete(p);
    }

    /** Puts back what a killed process had moved aside. */
    static void restore(Path folder) throws IOException {
        for (Path p : hidden(folder)) {
            Path target = folder.resolve(originalName(p));
            if (p.getFileName().toString().contains(ASIDE) && Files.notExists(target)) Files.move(p, target);
        }
    }

    private static List<Path> hidden(Path folder) throws IOException {
        try (var paths = Files.list(folder)) {
            return paths.filter(AtomicFiles::isHidden).toList();
        }
    }

    private static String originalName(Path hidden) {
        String name = hidden.getFileName().toString();
        int end = Math.max(name.lastIndexOf(TEMPORARY), name.lastIndexOf(ASIDE));
        return name.substring(1, end);
    }

    private static boolean isHidden(Path path) {
        String name = path.getFileName().toString();
        return name.startsWith(".") && (name.contains(TEMPORARY) || name.contains(ASIDE));
    }

    private static Path hidden(Path target, String mark) {
        long unique = ThreadLocalRandom.current().nextLong() >>> 1;
        return target.resolveSibling(
                "." + target.getFileName() + mark + ProcessHandle.current().pid() + "-" + Long.toString(unique, 36));
    }

    /** Deletes a file or a folder with all that is in it; does nothing where there is none. */
    static void delete(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) return;
        try (var all = Files.walk(path)) {
            for (Path one : (Iterable<Path>) all.sorted(Comparator.reverseOrder())::iterator) Files.delete(one);
        }
    }

    private static void deleteQuietly(Path path) {
        try {
            delete(path);
        } catch (IOException e) {
            // The first failure is the one to report.
        }
    }

    /** The parents that were absent, innermost first. */
    private static List<Path> createParents(Path target) throws IOException {
        List<Path> absent = new ArrayList<>();
        for (Path p = target.getParent(); p != null && Files.notExists(p); p = p.getParent()) absent.add(p);
        for (Path p : absent.reversed()) Files.createDirectories(p);
        return absent;
    }

    private static void forceTree(Path folder) throws IOException {
        try (var all = Files.walk(folder)) {
            for (Path one : (Iterable<Path>) all::iterator) {
                if (Files.isDirectory(one)) forceFolder(one);
                else force(one, StandardOpenOption.WRITE);
            }
        }
    }

    private static void force(Path file, StandardOpenOption mode) throws IOException {
        try (FileChannel channel = FileChannel.open(file, mode)) {
            channel.force(true);
        }
    }

    // Names in a folder last when the folder itself is forced; not every system can open one.
    private static void forceFolder(Path folder) {
        try {
            force(folder, StandardOpenOption.READ);
        } catch (IOException e) {
            // The rename is atomic all the same, only possibly later than a power cut.
        }
    }
}
