package dev.outrider.data.shard;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** sha256 in lower-case hex, and the mixing of 64-bit numbers that splits and shuffles rest on. */
public final class Hashes {
    private static final int CHUNK = 1 << 20;

    private Hashes() {}

    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    public static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    /** sha256 of the text's UTF-8. */
    public static String of(String text) {
        MessageDigest digest = sha256();
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        return hex(digest);
    }

    /** sha256 of a file's bytes. */
    public static String of(Path file) throws IOException {
        MessageDigest digest = sha256();
        var buffer = java.nio.ByteBuffer.allocate(CHUNK);
        try (SeekableByteChannel in = Files.newByteChannel(file)) {
            while (in.read(buffer) >= 0) {
                digest.update(buffer.flip());
                buffer.clear();
            }
        }
        return hex(digest);
    }

    /** @throws Failure DATA where a file's bytes have another sha256 than was written down */
    public static void require(Path file, String sha256, String remedy) {
        try {
            String found = of(file);
            if (!found.equals(sha256)) {
                throw Failure.data(file.toString(), "sha256 " + found + "; corrupt", "sha256 " + sha256, remedy);
            }
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    /** A bijection of 64-bit numbers whose output looks random (the finaliser of SplitMix64). */
    public static long mix(long z) {
        z += 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    /** A number in [0, 1) from the first 60 bits of a hex hash and a seed. */
    public static double share(String hexHash, long seed) {
        return (mix(Long.parseLong(hexHash, 0, 15, 16) ^ mix(seed)) >>> 11) * 0x1p-53;
    }
}
