package dev.outrider.checkpoints;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;

/** Streams metadata and tensors into a GGUF file of version 3, each tensor aligned and padded to 32 bytes. */
final class GgufWriter {
    /**
     * A tensor to write.
     *
     * @param name in the file
     * @param headDim of queries and keys, whose half-split rows are to become neighbours; 0 for others
     */
    record Item(String name, GgufType type, Tensor values, int headDim) {
        long size() {
            return values.elements() / type.values * type.bytes;
        }
    }

    private final ByteArrayOutputStream header = new ByteArrayOutputStream();
    private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

    private GgufWriter() {}

    /** @throws Failure DATA where a value is out of a type's range */
    static void write(Path file, Map<String, GgufValue> metadata, List<Item> items) throws IOException {
        byte[] header = new GgufWriter().header(metadata, items);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            SafetensorsWriter.writeFully(channel, ByteBuffer.wrap(header));
            pad(channel);
            for (Item item : items) {
                tensor(channel, item);
                pad(channel);
            }
        }
    }

    private static void tensor(FileChannel channel, Item item) throws IOException {
        Tensor t = item.values();
        if (item.headDim() == 0) {
            values(channel, item.type(), t);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(t.data().byteSize(), 64);
            RotaryRows.toNeighbours(t.data(), rows, t.data().byteSize() / t.shape()[0], item.headDim());
            values(channel, item.type(), new Tensor(t.name(), t.dtype(), t.shape(), rows));
        }
    }

    private static void values(FileChannel channel, GgufType type, Tensor t) throws IOException {
        DType plain = type.plain().orElse(null);
        if (plain == t.dtype()) SafetensorsWriter.writeFully(channel, t.data());
        else if (plain != null) new StorageConversion().write(channel, t, plain);
        else if (type == GgufType.Q8_0) new GgufQuantisation().write(channel, t);
        else throw new IllegalArgumentException(type + " is only read");
    }

    private static void pad(FileChannel channel) throws IOException {
        long over = channel.position() % GgufFile.DEFAULT_ALIGNMENT;
        if (over > 0) SafetensorsWriter.writeFully(channel, ByteBuffer.allocate((int) padding(channel.position())));
    }

    private static long padding(long size) {
        return -size & GgufFile.DEFAULT_ALIGNMENT - 1;
    }

    private byte[] header(Map<String, GgufValue> metadata, List<Item> items) {
        int32(GgufFile.MAGIC);
        int32(GgufFile.NEWEST);
        int64(items.size());
        int64(metadata.size());
        metadata.forEach((key, value) -> {
            text(key);
            kind(value);
            value(value);
        });
        long at = 0;
        for (Item item : items) {
            entry(item, at);
            at += item.size() + padding(item.size());
        }
        return header.toByteArray();
    }

    private void entry(Item item, long at) {
        long[] shape = item.values().shape();
        text(item.name());
        int32(shape.length);
        for (int i = shape.length - 1; i >= 0; i--) int64(shape[i]);
        int32(item.type().number);
        int64(at);
    }

    private void kind(GgufValue value) {
        int32(kindOf(value).ordinal());
    }

    private static GgufKind kindOf(GgufValue value) {
        return switch (value) {
            case GgufValue.Whole w -> w.kind();
            case GgufValue.Real r -> r.kind();
            case GgufValue.Flag f -> GgufKind.BOOL;
            case GgufValue.Text t -> GgufKind.STRING;
            default -> GgufKind.ARRAY;
        };
    }

    private void value(GgufValue value) {
        switch (value) {
            case GgufValue.Whole w -> whole(w.kind(), w.value());
            case GgufValue.Real r -> real(r.kind(), r.value());
            case GgufValue.Flag f -> header.write(f.value() ? 1 : 0);
            case GgufValue.Text t -> text(t.value());
            case GgufValue.Wholes w -> {
                array(w.kind(), w.values().length);
                for (long one : w.values()) whole(w.kind(), one);
            }
            case GgufValue.Reals r -> {
                array(r.kind(), r.values().length);
                for (double one : r.values()) real(r.kind(), one);
            }
            case GgufValue.Flags f -> {
                array(GgufKind.BOOL, f.values().length);
                for (boolean one : f.values()) header.write(one ? 1 : 0);
            }
            case GgufValue.Texts t -> {
                array(GgufKind.STRING, t.values().size());
                t.values().forEach(this::text);
            }
            case GgufValue.Nested n -> {
                array(GgufKind.ARRAY, n.values().size());
                n.values().forEach(this::value);
            }
        }
    }

    private void array(GgufKind elements, int count) {
        int32(elements.ordinal());
        int64(count);
    }

    private void whole(GgufKind kind, long value) {
        number.clear().putLong(value);
        header.write(number.array(), 0, kind.bytes);
    }

    private void real(GgufKind kind, double value) {
        if (kind == GgufKind.FLOAT32) int32(Float.floatToRawIntBits((float) value));
        else int64(Double.doubleToRawLongBits(value));
    }

    private void text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        int64(utf8.length);
        header.writeBytes(utf8);
    }

    private void int32(int value) {
        whole(GgufKind.INT32, value);
    }

    private void int64(long value) {
        whole(GgufKind.INT64, value);
    }
}
