package dev.outrider.checkpoints;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a safetensors file, believed only after every byte behind it is accounted for: each
 * tensor as large as its type and shape say, one after the other without gap or overlap, up to the end.
 *
 * @param entries by name, in the order of their bytes
 * @param dataStart offset in the file that a tensor's own offsets count from
 */
record SafetensorsHeader(Map<String, Entry> entries, Map<String, String> metadata, long dataStart) {
    /** As the reference implementation: a header beyond this is an attack or no header. */
    static final long LARGEST = 100_000_000;

    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final String METADATA = "__metadata__";

    /** Type, shape and place of one tensor; offsets in bytes from dataStart. */
    record Entry(String name, DType dtype, long[] shape, long begin, long end) {
        long size() {
            return end - begin;
        }
    }

    /** @throws Failure DATA where header and file do not fit together */
    static SafetensorsHeader read(Path file, MemorySegment bytes) {
        long length = length(file, bytes);
        long start = 8 + length;
        ObjectNode json = parse(file, bytes.asSlice(8, length));
        Map<String, String> metadata = metadata(file, json);
        List<Entry> entries = json.properties().stream()
                .filter(e -> !e.getKey().equals(METADATA))
                .map(e -> new EntryReader(file, e.getKey(), e.getValue(), start).read())
                .sorted(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end))
                .toList();
        checkCover(file, entries, start, bytes.byteSize());
        Map<String, Entry> byName = new LinkedHashMap<>();
        for (Entry e : entries) byName.put(e.name(), e);
        return new SafetensorsHeader(byName, metadata, start);
    }

    private static long length(Path file, MemorySegment bytes) {
        if (bytes.byteSize() < 8) {
            throw refused(
                    file + ", offset 0",
                    "a file of " + bytes.byteSize() + " bytes",
                    "8 bytes with the header's length");
        }
        long length = bytes.get(LENGTH, 0);
        if (length <= 0 || length > LARGEST) {
            throw refused(
                    file + ", offset 0",
                    "a header of " + Long.toUnsignedString(length) + " bytes",
                    "1 to " + LARGEST + " bytes");
        }
        if (length > bytes.byteSize() - 8) {
            throw refused(
                    file + ", offset 0",
                    "a header of " + length + " bytes in a file of " + bytes.byteSize() + " (cut short?)",
                    "at least " + (length + 8) + " bytes");
        }
        return length;
    }

    private static ObjectNode parse(Path file, MemorySegment header) {
        if (header.get(ValueLayout.JAVA_BYTE, 0) != '{') {
            throw refused(
                    file + ", offset 8",
                    "byte 0x" + Integer.toHexString(header.get(ValueLayout.JAVA_BYTE, 0) & 0xff),
                    "'{', the begin of a JSON header");
        }
        try {
            return Json.object(file + ", header", Json.MAPPER.readTree(header.toArray(ValueLayout.JAVA_BYTE)));
        } catch (JacksonException e) {
            throw Json.malformed(file + ", header at offset 8", e);
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
    }

    private static Map<String, String> metadata(Path file, ObjectNode json) {
        JsonNode node = json.path(METADATA);
        Map<String, String> metadata = new LinkedHashMap<>();
        if (node.isMissingNode()) return metadata;
        for (var e : Json.object(file + ", header, " + METADATA, node).properties()) {
            if (!e.getValue().isTextual()) {
                throw refused(
                        file + ", header, " + METADATA + ", key " + e.getKey(),
                        e.getValue().toString(),
                        "a string");
            }
            metadata.put(e.getKey(), e.getValue().textValue());
        }
        return metadata;
    }

    private static void checkCover(Path file, List<Entry> entries, long start, long size) {
        long at = 0;
        String before = "the header";
        for (Entry e : entries) {
            String place = file + ", tensor " + e.name() + ", offset " + (start + e.begin());
            if (e.begin() < at)
                throw refused(place, "an overlap with " + before + " up to " + (start + at), "its end as begin");
            if (e.begin() > at) {
                throw refused(place, "a gap of " + (e.begin() - at) + " bytes behind " + before, "no unused bytes");
            }
            if (e.end() > size - start) {
                throw refused(
                        place,
                        "the end of the file at " + size + " (cut short?)",
                        "the tensor's " + e.size() + " bytes up to " + (start + e.end()));
            }
            at = e.end();
            before = e.name();
        }
        if (at < size - start) {
            throw refused(
                    file + ", offset " + (start + at),
                    (size - start - at) + " bytes behind " + before,
                    "the end of the file");
        }
    }

    static Failure refused(String place, String found, String expected) {
        return Failure.data(
                place, found, expected, "The file is damaged or no safetensors file: get or write it again.");
    }

    /** One tensor's line of the header. */
    private record EntryReader(Path file, String name, JsonNode node, long start) {
        Entry read() {
            Json.object(place(), node);
            long[] shape = shape();
            long[] offsets = numbers("data_offsets");
            if (offsets.length != 2 || offsets[0] > offsets[1])
                throw wrong("data_offsets", "[begin, end] with begin <= end");
            if (offsets[1] > Long.MAX_VALUE - start) throw wrong("data_offsets", "offsets within the file");
            Entry entry = new Entry(name, dtype(), shape, offsets[0], offsets[1]);
            long size = size(shape, entry.dtype());
            if (size == entry.size()) return entry;
            throw refused(
                    place() + ", offset " + (start + entry.begin()),
                    entry.size() + " bytes",
                    size + " for " + entry.dtype() + " " + Arrays.toString(shape));
        }

        private DType dtype() {
            String found = node.path("dtype").asText("");
            for (DType type : DType.values()) if (type.name().equals(found)) return type;
            throw wrong("dtype", "one of " + Arrays.toString(DType.values()));
        }

        private long[] shape() {
            return numbers("shape");
        }

        private long size(long[] shape, DType dtype) {
            if (Arrays.stream(shape).anyMatch(n -> n == 0)) return 0;
            try {
                return Math.multiplyExact(Tensor.elements(shape), (long) dtype.bytes);
            } catch (ArithmeticException e) {
                throw wrong("shape", "a product below 2^63 bytes");
            }
        }

        private long[] numbers(String key) {
            JsonNode array = node.path(key);
            if (!array.isArray()) throw wrong(key, "a list of whole numbers");
            long[] numbers = new long[array.size()];
            for (int i = 0; i < numbers.length; i++) {
                JsonNode n = array.get(i);
                if (!n.isIntegralNumber() || !n.canConvertToLong() || n.longValue() < 0) {
                    throw wrong(key, "whole numbers from 0 to 2^63-1");
                }
                numbers[i] = n.longValue();
            }
            return numbers;
        }

        private String place() {
            return file + ", tensor " + name;
        }

        private Failure wrong(String key, String expected) {
            String found =
                    node.path(key).isMissingNode() ? "none" : node.path(key).toString();
            return refused(place() + ", " + key + " in the header at offset 8", found, expected);
        }
    }
}
