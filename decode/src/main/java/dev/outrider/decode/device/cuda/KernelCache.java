package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiled kernels on disk, one file each, named by the hash of all that they come from: source, options, architecture
 * and compiler. A file is the sha256 of an image and the image; one that is damaged is made anew. Several processes may
 * share a folder. Where it cannot be written, kernels are compiled each time, and the log says so.
 */
public final class KernelCache {
    private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);
    private static final int DIGEST_BYTES = 32;

    private final Path folder;
    private final Nvrtc compiler;
    private final String version;

    public KernelCache(Path folder, Nvrtc compiler) {
        this.folder = folder;
        this.compiler = compiler;
        version = compiler.versionText();
    }

    /** This user's folder: kernels in OUTRIDER_CACHE, or in ~/.cache/outrider. */
    public static Path folder() {
        return CacheFolder.of(System.getenv(), System.getProperty("user.home")).resolve("kernels");
    }

    /** As {@link Nvrtc#cubin}. */
    public byte[] cubin(String source, String name, String arch, List<String> options) {
        return image("cubin", source, name, arch, options, () -> compiler.cubin(source, name, arch, options));
    }

    /** As {@link Nvrtc#ptx}. */
    public String ptx(String source, String name, String arch, List<String> options) {
        byte[] text = image(
                "ptx",
                source,
                name,
                arch,
                options,
                () -> compiler.ptx(source, name, arch, options).getBytes(StandardCharsets.UTF_8));
        return new String(text, StandardCharsets.UTF_8);
    }

    private byte[] image(
            String kind, String source, String name, String arch, List<String> options, Supplier<byte[]> compile) {
        Path file = folder.resolve(key(kind, source, name, arch, options) + "." + kind);
        return read(file).orElseGet(() -> {
            byte[] image = compile.get();
            write(file, image);
            return image;
        });
    }

    // Every part with its length, so that no two lists of parts are one text.
    private String key(String kind, String source, String name, String arch, List<String> options) {
        MessageDigest digest = sha256();
        for (String part : List.of(kind, version, arch, name, source, String.join("\n", options)))
            digest.update((part.length() + "\n" + part).getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest.digest());
    }

    private static Optional<byte[]> read(Path file) {
        if (!Files.isRegularFile(file)) return Optional.empty();
        try {
            byte[] stored = Files.readAllBytes(file);
            if (stored.length > DIGEST_BYTES) {
                byte[] image = Arrays.copyOfRange(stored, DIGEST_BYTES, stored.length);
                if (Arrays.equals(Arrays.copyOf(stored, DIGEST_BYTES), sha256().digest(image)))
                    return Optional.of(image);
            }
            LOG.warn("{} is damaged and is made anew", file);
        } catch (IOException e) {
            LOG.warn("{} cannot be read and is made anew: {}", file, e.toString());
        }
        return Optional.empty();
    }

    private static void write(Path file, byte[] image) {
        try {
            AtomicFiles.file(file, temporary -> {
                try (var out = Files.newOutputStream(temporary)) {
                    out.write(sha256().digest(image));
                    out.write(image);
                }
            });
        } catch (Failure e) {
            LOG.warn("a compiled kernel is not kept: {}", e.getMessage());
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
