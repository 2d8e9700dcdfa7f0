package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * CUDA's libraries as bytedeco packs them (org.bytedeco:cuda with classifier linux-x86_64-redist): taken out of the jar
 * into the cache, once, with those that they load themselves (libnvrtc-builtins beside libnvrtc).
 */
final class BytedecoJar {
    private BytedecoJar() {}

    /**
     * The library as a file, if the jar or folder has it.
     *
     * @param folder within the jar
     * @param name as libnvrtc.so.12
     * @throws Failure where the jar cannot be read or the cache not be written
     */
    static Optional<Path> library(Path place, String folder, String name, Path cache) {
        if (Files.isDirectory(place)) {
            return Optional.of(place.resolve(folder).resolve(name))
                    .filter(Files::exists)
                    .map(Path::toAbsolutePath);
        }
        if (!Files.exists(place)) return Optional.empty();
        try (ZipFile jar = new ZipFile(place.toFile())) {
            if (jar.getEntry(folder + "/" + name) == null) return Optional.empty();
            String family = folder + "/" + name.substring(0, name.indexOf('.'));
            List<? extends ZipEntry> entries = jar.stream()
                    .filter(e ->
                            e.getName().startsWith(family + ".") || e.getName().startsWith(family + "-"))
                    .toList();
            Path target = cache.toAbsolutePath().resolve(name + "-" + mark(place, entries));
            if (!complete(target, entries)) extract(jar, entries, target);
            return Optional.of(target.resolve(name));
        } catch (IOException e) {
            throw DiskFailures.reading(place, e);
        }
    }

    // Other contents, another folder: by names, sizes and check sums.
    private static String mark(Path jar, List<? extends ZipEntry> entries) {
        StringBuilder text = new StringBuilder(jar.getFileName().toString());
        for (ZipEntry e : entries)
            text.append('\n')
                    .append(e.getName())
                    .append(e.getSize())
                    .append(' ')
                    .append(e.getCrc());
        return UUID.nameUUIDFromBytes(text.toString().getBytes(StandardCharsets.UTF_8))
                .toString();
    }

    private static boolean complete(Path target, List<? extends ZipEntry> entries) throws IOException {
        for (ZipEntry e : entries) {
            Path file = target.resolve(fileName(e));
            if (!Files.isRegularFile(file) || Files.size(file) != e.getSize()) return false;
        }
        return true;
    }

    private static void extract(ZipFile jar, List<? extends ZipEntry> entries, Path target) {
        AtomicFiles.directory(target, temporary -> {
            for (ZipEntry e : entries) {
                try (InputStream in = jar.getInputStream(e)) {
                    Files.copy(in, temporary.resolve(fileName(e)));
                }
            }
        });
    }

    private static String fileName(ZipEntry entry) {
        return entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
    }
}
