package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;
import java.nio.charset.StandardCharsets;

/** The bytes of an image file; reading beyond their end is a Failure with the place. */
record ImageBytes(String place, byte[] data) {
    int length() {
        return data.length;
    }

    int u8(long at) {
        within(at, 1);
        return data[(int) at] & 255;
    }

    int littleEndian16(long at) {
        return u8(at) | u8(at + 1) << 8;
    }

    int littleEndian24(long at) {
        return littleEndian16(at) | u8(at + 2) << 16;
    }

    /** Unsigned. */
    long littleEndian32(long at) {
        return littleEndian16(at) | (long) littleEndian16(at + 2) << 16;
    }

    int bigEndian16(long at) {
        return u8(at) << 8 | u8(at + 1);
    }

    /** Unsigned. */
    long bigEndian32(long at) {
        return (long) bigEndian16(at) << 16 | bigEndian16(at + 2);
    }

    /** One character a byte. */
    String text(long at, int count) {
        within(at, count);
        return new String(data, (int) at, count, StandardCharsets.ISO_8859_1);
    }

    boolean startsWith(long at, String text) {
        return at + text.length() <= length() && text(at, text.length()).equals(text);
    }

    /** @throws Failure where fewer than count bytes follow */
    void within(long at, long count) {
        if (at >= 0 && at + count <= length()) return;
        throw broken(at, "the end of the file after " + length() + " bytes", "its " + count + " bytes there");
    }

    Failure broken(long at, String found, String expected) {
        return Failure.data(place + ", byte " + at, found, expected, "Get the image again, or leave it out.");
    }

    Failure unsupported(String found) {
        return Failure.data(
                place, found, "JPEG, PNG, WebP, GIF or BMP", "Convert the image to one of these, or leave it out.");
    }
}
