package dev.outrider.checkpoints;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A GGUF file of version 2 or 3, mapped into memory: "GGUF", version, numbers of tensors and of metadata
 * pairs, the pairs, the tensors' names, shapes, types and offsets, and aligned behind them their bytes.
 * Format: <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">ggml/docs/gguf.md</a>.
 */
final class GgufFile implements AutoCloseable {
    static final int MAGIC = 0x46554747, NEWEST = 3, OLDEST = 2, DEFAULT_ALIGNMENT = 32;
    static final String ALIGNMENT = "general.alignment";
    private static final int MOST_DIMENSIONS = 4;
    private static final long LEAST_PAIR = 8 + 4 + 1, LEAST_TENSOR = 8 + 4 + 4 + 8;
    private final Path path;
    private final Arena arena;
    private final MemorySegment bytes;
    private final GgufCursor cursor;
    private final GgufMetadata metadata;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final int alignment;
    private final long dataStart;

    /**
     * One tensor.
     *
     * @param shape outermost first, other than in the file
     * @param begin its first byte, from the begin of the file
     */
    record Entry(String name, GgufType type, long[] shape, long begin) {
        /** Bytes in the file. */
        long size() {
            return Math.multiplyExact(Tensor.elements(shape) / type.values, (long) type.bytes);
        }
    }

    private GgufFile(Path path, Arena arena, MemorySegment bytes) {
        this.path = path;
        this.arena = arena;
        this.bytes = bytes;
        this.cursor = new GgufCursor(path, bytes);
        checkMagic();
        int tensors = cursor.count("tensors", LEAST_TENSOR);
        this.metadata = pairs(cursor.count("metadata pairs", LEAST_PAIR));
        this.alignment = alignment();
        for (int i = 0; i < tensors; i++) enter(i);
        this.dataStart = Math.ceilDiv(cursor.at(), alignment) * (long) alignment;
        entries.replaceAll((name, e) -> placed(e));
    }

    /** @throws Failure DATA naming file, place and offset where it is absent or malformed */
    static GgufFile open(Path path) {
        return MappedFile.open(path, (arena, bytes) -> new GgufFile(path, arena, bytes));
    }

    private void checkMagic() {
        int magic = bytes.byteSize() < 8 ? 0 : cursor.int32();
        if (magic != MAGIC) {
            String found = bytes.byteSize() < 8
                    ? "a file of " + bytes.byteSize() + " bytes"
                    : "0x%08x".formatted(Integer.reverseBytes(magic));
            throw cursor.refused(0, found, "\"GGUF\" and a version");
        }
        int version = cursor.int32();
        if (version >= OLDEST && version <= NEWEST) return;
        boolean swapped = Integer.reverseBytes(version) >= 1 && Integer.reverseBytes(version) <= NEWEST;
        throw cursor.refused(
                4,
                swapped ? "a big-endian file" : "version " + Integer.toUnsignedString(version),
                swapped ? "a little-endian one" : "version " + OLDEST + " or " + NEWEST);
    }

    private GgufMetadata pairs(int count) {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            long from = cursor.reading("metadata pair " + i).at();
            String key = cursor.text();
            if (values.put(key, cursor.reading("metadata " + key).value()) != null) {
                throw cursor.refused(from, "the key a second time", "every key once");
            }
        }
        return new GgufMetadata(path.toString(), values);
    }

    private int alignment() {
        int value = metadata.integer(ALIGNMENT).orElse(DEFAULT_ALIGNMENT);
        if (value >= 8 && value % 8 == 0) return value;
        throw metadata.wrong(ALIGNMENT, "a multiple of 8");
    }

    private void enter(int index) {
        long from = cursor.reading("tensor " + index).at();
        String name = cursor.text();
        long[] shape = shape(cursor.reading("tensor " + name));
        GgufType type = type();
        if (shape[shape.length - 1] % type.values != 0) {
            throw cursor.refused(
                    from,
                    "rows of " + shape[shape.length - 1],
                    "a multiple of " + type.values + ", as " + type + " asks");
        }
        if (entries.put(name, new Entry(name, type, shape, cursor.int64())) != null) {
            throw cursor.refused(from, "the name a second time", "every tensor once");
        }
    }

    private long[] shape(GgufCursor cursor) {
        long from = cursor.at();
        int dimensions = cursor.int32();
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw cursor.refused(from, Integer.toUnsignedString(dimensions) + " dimensions", "1 to " + MOST_DIMENSIONS);
        }
        long[] shape = new long[dimensions];
        long most = Long.MAX_VALUE / 8, elements = 1;
        for (int i = dimensions - 1; i >= 0; i--) {
            shape[i] = cursor.int64();
            if (shape[i] <= 0 || shape[i] > most / elements) {
                throw cursor.refused(
                        from, "a size of " + Long.toUnsignedString(shape[i]), "sizes above 0 that a file can hold");
            }
            elements *= shape[i];
        }
        return shape;
    }

    private GgufType type() {
        long from = cursor.at();
        int number = cursor.int32();
        return GgufType.of(number)
                .orElseThrow(() -> cursor.refused(
                        from,
                        "the unknown tensor type " + Integer.toUnsignedString(number),
                        "one of " + GgufType.known()));
    }

    // Offsets in the header count from the begin of the data.
    private Entry placed(Entry e) {
        long offset = e.begin(), left = bytes.byteSize() - dataStart;
        String place = "tensor " + e.name();
        if (offset < 0 || offset % alignment != 0) {
            throw GgufCursor.refused(
                    path,
                    place,
                    "data at offset " + Long.toUnsignedString(offset),
                    "a multiple of the file's alignment, " + alignment);
        }
        if (offset > left || e.size() > left - offset) {
            throw GgufCursor.refused(
                    path,
                    place + ", offset " + (dataStart + offset),
                    "the end of the file at " + bytes.byteSize() + " (cut short?)",
                    "the tensor's " + e.size() + " bytes");
        }
        return new Entry(e.name(), e.type(), e.shape(), dataStart + offset);
    }

    Path path() {
        return path;
    }

    GgufMetadata metadata() {
        return metadata;
    }

    /** By name, in the header's order. */
    Map<String, Entry> entries() {
        return entries;
    }

    /** A tensor's bytes, mapped; valid until close. */
    MemorySegment data(Entry entry) {
        return bytes.asSlice(entry.begin(), entry.size());
    }

    /** Memory that lives as long as the file is open. */
    Arena arena() {
        return arena;
    }

    @Override
    public void close() {
        arena.close();
    }
}
