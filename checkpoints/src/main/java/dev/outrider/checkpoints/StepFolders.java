package dev.outrider.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The checkpoints of one run: {@code checkpoints/step-00000012/}, and a file {@code latest} that names the
 * last one. A folder appears whole, then the pointer moves, then old ones go: killed at any moment, the run
 * has its last whole checkpoint. One process writes to a run at a time.
 */
public final class StepFolders {
    private static final Pattern NAME = Pattern.compile("step-(\\d{8,18})");
    private static final String POINTER = "latest";
    private final Path folder;
    private final int keep;

    /** @param keep how many checkpoints stay, the newest; at least 1 */
    public StepFolders(Path run, int keep) {
        if (keep < 1) throw Failure.usage(run.toString(), "keep " + keep, "at least 1", "Keep one checkpoint or more.");
        this.folder = run.resolve("checkpoints");
        this.keep = keep;
    }

    /**
     * Saves one step's folder, replacing one of the same step.
     *
     * @param writer fills the folder that it is given
     * @return the folder
     * @throws Failure MACHINE or USAGE where it cannot be written; the older checkpoints are untouched then
     */
    public Path save(long step, AtomicFiles.Writer writer) {
        Path target = folder.resolve("step-%08d".formatted(step));
        clear();
        AtomicFiles.directory(target, writer);
        point(target);
        prune(target);
        return target;
    }

    /** The checkpoint that the pointer names; where it names none that is there, the newest. */
    public Optional<Path> latest() {
        restore();
        return pointed().or(() -> all().stream().findFirst());
    }

    /** @throws IllegalArgumentException for a path that is no step's folder */
    public static long step(Path folder) {
        Matcher name = NAME.matcher(folder.getFileName().toString());
        if (!name.matches()) throw new IllegalArgumentException(folder + " is no step's folder");
        return Long.parseLong(name.group(1));
    }

    private void point(Path target) {
        AtomicFiles.file(folder.resolve(POINTER), t -> Files.writeString(t, target.getFileName() + "\n"));
    }

    // Anything but the name of a folder that is here is a stale or damaged pointer.
    private Optional<Path> pointed() {
        try {
            String name = Files.readString(folder.resolve(POINTER)).trim();
            return all().stream()
                    .filter(p -> p.getFileName().toString().equals(name))
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Whole folders, newest first: a temporary one has another name until it is whole. */
    private List<Path> all() {
        if (!Files.isDirectory(folder)) return List.of();
        try (var paths = Files.list(folder)) {
            return paths.filter(p -> NAME.matcher(p.getFileName().toString()).matches() && Files.isDirectory(p))
                    .sorted(Comparator.comparingLong(StepFolders::step).reversed())
                    .toList();
        } catch (IOException e) {
            throw DiskFailures.reading(folder, e);
        }
    }

    // Renamed before it is deleted, so that a half-deleted one is never taken for whole.
    private void prune(Path saved) {
        List<Path> others =
                all().stream().filter(p -> !p.equals(saved)).skip(keep - 1).toList();
        try {
            for (Path old : others) {
                Path temporary = AtomicFiles.temporary(old);
                Files.move(old, temporary);
                AtomicFiles.delete(temporary);
            }
        } catch (IOException e) {
            throw DiskFailures.writing(folder, e);
        }
    }

    private void clear() {
        inFolder(AtomicFiles::clear);
    }

    private void restore() {
        inFolder(AtomicFiles::restore);
    }

    private void inFolder(AtomicFiles.Writer action) {
        try {
            if (Files.isDirectory(folder)) action.write(folder);
        } catch (IOException e) {
            throw DiskFailures.writing(folder, e);
        }
    }
}
