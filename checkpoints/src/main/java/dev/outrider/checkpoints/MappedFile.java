package dev.outrider.checkpoints;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Opens what lives in a mapped file: its arena is closed with it, or at once where the file is no good. */
final class MappedFile {
    private MappedFile() {}

    /** Makes something of a file's bytes; the arena becomes its own. */
    @FunctionalInterface
    interface Reader<T> {
        T read(Arena arena, MemorySegment bytes);
    }

    /** @throws Failure MACHINE or USAGE where the file cannot be read, and what the reader throws */
    static <T> T open(Path path, Reader<T> reader) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path)) {
            return reader.read(arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException e) {
            arena.close();
            throw DiskFailures.reading(path, e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }
}
