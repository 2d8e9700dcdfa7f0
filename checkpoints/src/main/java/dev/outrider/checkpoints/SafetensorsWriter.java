package dev.outrider.checkpoints;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Streams tensors into a safetensors file, byte for byte as the reference implementation lays it out. */
final class SafetensorsWriter {
    // The reference's order of types, descending.
    private static final List<DType> ORDER = List.of(
            DType.I64,
            DType.F64,
            DType.F32,
            DType.I32,
            DType.BF16,
            DType.F16,
            DType.I16,
            DType.I8,
            DType.U8,
            DType.BOOL);
    private static final long CHUNK = 1 << 24;

    private SafetensorsWriter() {}

    /** @param stored the type in which each tensor is to lie in the file */
    static void write(Path file, List<Tensor> tensors, Function<Tensor, DType> stored, Map<String, String> metadata)
            throws IOException {
        List<Tensor> ordered = tensors.stream()
                .sorted(Comparator.comparingInt((Tensor t) -> ORDER.indexOf(stored.apply(t)))
                        .thenComparing(Tensor::name))
                .toList();
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            writeFully(channel, header(ordered, stored, metadata));
            StorageConversion conversion = new StorageConversion();
            for (Tensor t : ordered) {
                if (t.dtype() == stored.apply(t)) writeFully(channel, t.data());
                else conversion.write(channel, t, stored.apply(t));
            }
        }
    }

    // Length, JSON, spaces up to a multiple of eight.
    private static ByteBuffer header(List<Tensor> tensors, Function<Tensor, DType> stored, Map<String, String> metadata)
            throws IOException {
        ObjectNode root = Json.MAPPER.createObjectNode();
        if (!metadata.isEmpty()) metadata.forEach(root.putObject("__metadata__")::put);
        long at = 0;
        for (Tensor t : tensors) {
            if (root.has(t.name())) throw new IllegalArgumentException("two tensors " + t.name());
            long end = at + t.elements() * stored.apply(t).bytes;
            ObjectNode entry =
                    root.putObject(t.name()).put("dtype", stored.apply(t).name());
            Arrays.stream(t.shape()).forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(at).add(end);
            at = end;
        }
        byte[] json = root.toString().getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer out = ByteBuffer.allocate(8 + padded)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(padded)
                .put(json);
        while (out.hasRemaining()) out.put((byte) ' ');
        return out.flip();
    }

    static void writeFully(FileChannel channel, MemorySegment data) throws IOException {
        for (long at = 0; at < data.byteSize(); at += CHUNK) {
            writeFully(channel, bytes(data.asSlice(at, Math.min(CHUNK, data.byteSize() - at))));
        }
    }

    // Arrays of anything but bytes have no buffer of bytes over them.
    private static ByteBuffer bytes(MemorySegment data) {
        boolean plain = data.isNative() || data.heapBase().orElse(null) instanceof byte[];
        return plain ? data.asByteBuffer() : ByteBuffer.wrap(data.toArray(ValueLayout.JAVA_BYTE));
    }

    static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) channel.write(bytes);
    }
}
