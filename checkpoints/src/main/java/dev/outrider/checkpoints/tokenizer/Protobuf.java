package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Reads the fields of one protobuf message in order: {@code while (next()) switch (field()) ...}. A field
 * whose value is not asked for is skipped. Anything that is no protobuf is refused with its offset.
 */
final class Protobuf {
    private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

    private final String file;
    private final ByteBuffer bytes;
    private final int base;
    private int field;
    private int wire;
    private boolean pending;

    Protobuf(String file, byte[] message) {
        this(file, ByteBuffer.wrap(message), 0);
    }

    private Protobuf(String file, ByteBuffer bytes, int base) {
        this.file = file;
        this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
        this.base = base;
    }

    /** Moves to the next field; false at the end of the message. */
    boolean next() {
        if (pending) skip();
        if (!bytes.hasRemaining()) return false;
        long tag = varint();
        field = (int) (tag >>> 3);
        wire = (int) (tag & 7);
        if (tag >>> 3 == 0 || tag >>> 32 != 0) throw bad("field tag " + tag, "a field number");
        pending = true;
        return true;
    }

    int field() {
        return field;
    }

    int integer() {
        expect(VARINT, "an integer");
        return (int) varint();
    }

    boolean bool() {
        return integer() != 0;
    }

    float decimal() {
        expect(FIXED32, "a float");
        need(4);
        return bytes.getFloat();
    }

    String text() {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(slice()).toString();
        } catch (CharacterCodingException e) {
            throw bad("bytes that are not UTF-8 in field " + field, "text");
        }
    }

    /** Length of a bytes field. */
    int length() {
        return slice().remaining();
    }

    Protobuf message() {
        ByteBuffer inner = slice();
        return new Protobuf(file, inner, offset() - inner.remaining());
    }

    /** Where reading is, for messages. */
    String place() {
        return file + ", byte " + offset();
    }

    private int offset() {
        return base + bytes.position();
    }

    private ByteBuffer slice() {
        expect(BYTES, "a length and bytes");
        long length = varint();
        need(length);
        ByteBuffer slice = bytes.slice(bytes.position(), (int) length);
        bytes.position(bytes.position() + (int) length);
        return slice;
    }

    private void expect(int type, String meaning) {
        if (wire != type) throw bad("wire type " + wire + " in field " + field, meaning);
        pending = false;
    }

    private void skip() {
        pending = false;
        switch (wire) {
            case VARINT -> varint();
            case FIXED64 -> advance(8);
            case FIXED32 -> advance(4);
            case BYTES -> slice();
            default -> throw bad("wire type " + wire + " in field " + field, "0, 1, 2 or 5");
        }
    }

    private void advance(int count) {
        need(count);
        bytes.position(bytes.position() + count);
    }

    private long varint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            need(1);
            byte b = bytes.get();
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) return value;
        }
        throw bad("an integer of more than ten bytes", "at most ten");
    }

    private void need(long count) {
        if (count < 0 || count > bytes.remaining()) {
            throw bad("the end " + bytes.remaining() + " bytes on", count + " bytes more");
        }
    }

    private Failure bad(String found, String expected) {
        return Failure.data(place(), found, expected, "The file is damaged or no SentencePiece model: get it again.");
    }
}
