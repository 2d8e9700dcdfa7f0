package dev.outrider.checkpoints;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file, mapped into memory: eight bytes with the length of a JSON header, the header
 * (name → type, shape, offsets), the tensors' bytes. Nothing is copied, so size does not matter; what the
 * header says is checked against the file before anything is believed. Format:
 * <a href="https://github.com/huggingface/safetensors">huggingface/safetensors</a>.
 */
public final class Safetensors implements AutoCloseable {
    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final SafetensorsHeader header;

    private Safetensors(Path path, Arena arena, MemorySegment bytes) {
        this.path = path;
        this.arena = arena;
        this.bytes = bytes;
        this.header = SafetensorsHeader.read(path, bytes);
    }

    /**
     * Maps the file and checks its header.
     *
     * @throws Failure DATA naming file, tensor and offset where the file is absent or malformed
     */
    public static Safetensors open(Path path) {
        return MappedFile.open(path, (arena, bytes) -> new Safetensors(path, arena, bytes));
    }

    /**
     * Writes a file atomically, streaming: nothing but a small buffer is held. Tensors are ordered as the
     * reference implementation orders them (wide types first, then by name), so all are aligned.
     *
     * @throws Failure MACHINE or USAGE where it cannot be written
     */
    public static void write(Path path, List<Tensor> tensors, Map<String, String> metadata) {
        AtomicFiles.file(path, temporary -> SafetensorsWriter.write(temporary, tensors, t -> t.dtype(), metadata));
    }

    public Path path() {
        return path;
    }

    /** In the order in which they lie in the file. */
    public Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    public boolean has(String name) {
        return header.entries().containsKey(name);
    }

    /**
     * A view of the mapped file, valid until close.
     *
     * @throws Failure DATA where there is no such tensor
     */
    public Tensor tensor(String name) {
        SafetensorsHeader.Entry e = header.entries().get(name);
        if (e == null) {
            throw Failure.data(
                    path + ", tensor " + name, "no such tensor", "one of " + brief(), "Check the file and the name.");
        }
        return new Tensor(name, e.dtype(), e.shape().clone(), bytes.asSlice(header.dataStart() + e.begin(), e.size()));
    }

    /** Free text about the file ({@code __metadata__}); empty where there is none. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    private String brief() {
        List<String> some = names().stream().limit(4).toList();
        return String.join(", ", some) + (names().size() > 4 ? ", ... (" + names().size() + ")" : "");
    }

    @Override
    public void close() {
        arena.close();
    }
}
