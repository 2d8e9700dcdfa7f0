package dev.outrider.checkpoints;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the header of a GGUF file from its begin to its end. Nothing is believed: every length is held
 * against what is left of the file before anything of that length is made.
 */
final class GgufCursor {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int DEEPEST = 4;
    private final Path file;
    private final MemorySegment bytes;
    private long at;
    /** What is being read, for messages. */
    private String what = "header";

    GgufCursor(Path file, MemorySegment bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    long at() {
        return at;
    }

    /** Names what is read from here on. */
    GgufCursor reading(String next) {
        what = next;
        return this;
    }

    int int32() {
        return bytes.get(INT, step(4));
    }

    long int64() {
        return bytes.get(LONG, step(8));
    }

    /**
     * A number of things that are still to come.
     *
     * @param least bytes that each of them takes at least
     */
    int count(String things, long least) {
        long from = at, count = int64();
        if (count >= 0 && count <= Integer.MAX_VALUE && count <= left() / least) return (int) count;
        throw refused(
                from,
                Long.toUnsignedString(count) + " " + things + " in the " + left() + " bytes that are left",
                "as many as there is room for (is the file cut short?)");
    }

    String text() {
        int length = count("bytes of text", 1);
        long from = step(length);
        ByteBuffer utf8 = ByteBuffer.wrap(bytes.asSlice(from, length).toArray(ValueLayout.JAVA_BYTE));
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
        } catch (CharacterCodingException e) {
            throw refused(from, "bytes that are no UTF-8", "text in UTF-8");
        }
    }

    GgufKind kind() {
        long from = at;
        int number = int32();
        if (number >= 0 && number < GgufKind.values().length) return GgufKind.values()[number];
        throw refused(
                from, "a value of type " + Integer.toUnsignedString(number), "0 to " + (GgufKind.values().length - 1));
    }

    GgufValue value() {
        return value(kind(), 0);
    }

    private GgufValue value(GgufKind kind, int depth) {
        return switch (kind) {
            case STRING -> new GgufValue.Text(text());
            case BOOL -> new GgufValue.Flag(flag());
            case FLOAT32, FLOAT64 -> new GgufValue.Real(kind, real(kind));
            case ARRAY -> array(depth);
            default -> new GgufValue.Whole(kind, whole(kind));
        };
    }

    private GgufValue array(int depth) {
        if (depth == DEEPEST) throw refused(at, "arrays in arrays, " + DEEPEST + " deep", "flatter metadata");
        GgufKind kind = kind();
        int count = count("elements of an array", kind.bytes);
        return switch (kind) {
            case STRING -> texts(count);
            case BOOL -> flags(count);
            case FLOAT32, FLOAT64 -> reals(kind, count);
            case ARRAY -> nested(count, depth);
            default -> wholes(kind, count);
        };
    }

    private GgufValue texts(int count) {
        List<String> texts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) texts.add(text());
        return new GgufValue.Texts(texts);
    }

    private GgufValue flags(int count) {
        boolean[] flags = new boolean[count];
        for (int i = 0; i < count; i++) flags[i] = flag();
        return new GgufValue.Flags(flags);
    }

    private GgufValue reals(GgufKind kind, int count) {
        double[] reals = new double[count];
        for (int i = 0; i < count; i++) reals[i] = real(kind);
        return new GgufValue.Reals(kind, reals);
    }

    private GgufValue wholes(GgufKind kind, int count) {
        long[] wholes = new long[count];
        for (int i = 0; i < count; i++) wholes[i] = whole(kind);
        return new GgufValue.Wholes(kind, wholes);
    }

    private GgufValue nested(int count, int depth) {
        List<GgufValue> arrays = new ArrayList<>();
        for (int i = 0; i < count; i++) arrays.add(array(depth + 1));
        return new GgufValue.Nested(arrays);
    }

    private boolean flag() {
        long from = step(1);
        byte value = bytes.get(ValueLayout.JAVA_BYTE, from);
        if (value == 0 || value == 1) return value == 1;
        throw refused(from, "a bool of " + value, "0 or 1");
    }

    private double real(GgufKind kind) {
        return kind == GgufKind.FLOAT32 ? Float.intBitsToFloat(int32()) : Double.longBitsToDouble(int64());
    }

    private long whole(GgufKind kind) {
        return switch (kind) {
            case UINT8 -> bytes.get(ValueLayout.JAVA_BYTE, step(1)) & 0xff;
            case INT8 -> bytes.get(ValueLayout.JAVA_BYTE, step(1));
            case UINT16 -> bytes.get(SHORT, step(2)) & 0xffff;
            case INT16 -> bytes.get(SHORT, step(2));
            case UINT32 -> Integer.toUnsignedLong(int32());
            case INT32 -> int32();
            case UINT64, INT64 -> int64();
            default -> throw new IllegalArgumentException(kind + " is no integer");
        };
    }

    private long step(int length) {
        if (length > left()) {
            throw refused(at, "the end of the file at " + bytes.byteSize() + " (cut short?)", length + " more bytes");
        }
        long from = at;
        at += length;
        return from;
    }

    private long left() {
        return bytes.byteSize() - at;
    }

    Failure refused(long offset, String found, String expected) {
        return refused(file, what + ", offset " + offset, found, expected);
    }

    static Failure refused(Path file, String place, String found, String expected) {
        return Failure.data(
                file + ", " + place,
                found,
                expected,
                "The file is damaged or no GGUF that this version reads: get or write it again.");
    }
}
