package dev.outrider.data.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;

/** Pictures written as PNG: RGB of 8 bits, not interlaced, rows as they are (W3C Portable Network Graphics). */
public final class Png {
    /** Most bytes of a stored block. */
    private static final int BLOCK = 0xffff;

    private Png() {}

    /**
     * Not compressed: the same bytes whatever zlib there is, so that a file's hash stays.
     *
     * @param rgb [height, width, 3]
     */
    public static byte[] stored(int width, int height, byte[] rgb) {
        return of(width, height, blocks(rows(width, height, rgb)));
    }

    /** Compressed. */
    public static byte[] compressed(int width, int height, byte[] rgb) {
        return of(width, height, deflated(rows(width, height, rgb)));
    }

    private static byte[] of(int width, int height, byte[] picture) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(PngFile.SIGNATURE.getBytes(StandardCharsets.ISO_8859_1));
        // Depth 8, colour type 2 (RGB), the only compression and filters there are, not interlaced.
        ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
        chunk(out, "IHDR", header.put(new byte[] {8, 2, 0, 0, 0}).array());
        chunk(out, "IDAT", picture);
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    /** Every row behind the number of its filter, 0 for none. */
    private static byte[] rows(int width, int height, byte[] rgb) {
        if (width < 1 || height < 1 || rgb.length != 3 * width * height)
            throw new IllegalArgumentException(rgb.length + " levels of " + width + "x" + height + " pixels");
        int row = 3 * width;
        ByteBuffer out = ByteBuffer.allocate(height * (row + 1));
        for (int y = 0; y < height; y++) out.put((byte) 0).put(rgb, y * row, row);
        return out.array();
    }

    /** A zlib stream of stored blocks (RFC 1950, RFC 1951). */
    private static byte[] blocks(byte[] bytes) {
        int count = (bytes.length + BLOCK - 1) / BLOCK;
        ByteBuffer out = ByteBuffer.allocate(2 + 5 * count + bytes.length + 4);
        out.put((byte) 0x78).put((byte) 0x01);
        for (int i = 0; i < count; i++) {
            int length = Math.min(BLOCK, bytes.length - i * BLOCK);
            out.put((byte) (i == count - 1 ? 1 : 0));
            out.putShort(Short.reverseBytes((short) length)).putShort(Short.reverseBytes((short) ~length));
            out.put(bytes, i * BLOCK, length);
        }
        Adler32 sum = new Adler32();
        sum.update(bytes);
        return out.putInt((int) sum.getValue()).array();
    }

    private static byte[] deflated(byte[] bytes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream deflater = new DeflaterOutputStream(out)) {
            deflater.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream out, String kind, byte[] body) {
        ByteBuffer chunk = ByteBuffer.allocate(12 + body.length).putInt(body.length);
        chunk.put(kind.getBytes(StandardCharsets.US_ASCII)).put(body);
        CRC32 sum = new CRC32();
        sum.update(chunk.array(), 4, 4 + body.length);
        out.writeBytes(chunk.putInt((int) sum.getValue()).array());
    }
}
