package dev.outrider.data.image;

import dev.outrider.checkpoints.Seeds;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;

/** Small image files, written byte by byte or by the JDK. */
public final class Pictures {
    private Pictures() {}

    /** A PNG of noise. */
    public static byte[] noise(long seed, int width, int height) {
        return png(noise(Seeds.generator(seed), width, height));
    }

    static Raster noise(RandomGenerator random, int width, int height) {
        Raster raster = new Raster(width, height);
        random.nextBytes(raster.levels());
        return raster;
    }

    static BufferedImage buffered(Raster raster) {
        BufferedImage image = new BufferedImage(raster.width(), raster.height(), BufferedImage.TYPE_3BYTE_BGR);
        image.getRaster().setDataElements(0, 0, raster.width(), raster.height(), raster.levels());
        return image;
    }

    /** By the JDK's own writer: jpg, gif or bmp. */
    static byte[] written(BufferedImage image, String format) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            if (!ImageIO.write(image, format, out)) throw new AssertionError("no writer of " + format);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static byte[] bytes(Object... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Object part : parts) {
            switch (part) {
                case String s -> out.writeBytes(s.getBytes(StandardCharsets.ISO_8859_1));
                case byte[] b -> out.writeBytes(b);
                case Integer i -> out.write(i);
                default -> throw new AssertionError(part);
            }
        }
        return out.toByteArray();
    }

    static byte[] big32(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    static byte[] little32(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    static byte[] little16(int value) {
        return bytes(value, value >> 8);
    }

    static byte[] little24(int value) {
        return bytes(value, value >> 8, value >> 16);
    }

    // ---- PNG --------------------------------------------------------------------------------------------------------

    static byte[] chunk(String kind, byte[] data) {
        byte[] summed = bytes(kind, data);
        CRC32 sum = new CRC32();
        sum.update(summed);
        return bytes(big32(data.length), summed, big32((int) sum.getValue()));
    }

    static byte[] header(int width, int height, int depth, int colour) {
        return chunk("IHDR", bytes(big32(width), big32(height), depth, colour, 0, 0, 0));
    }

    /** @param rows unfiltered, without filter bytes */
    static byte[] png(int width, int height, int depth, int colour, byte[] rows, byte[]... extra) {
        ByteArrayOutputStream filtered = new ByteArrayOutputStream();
        int row = rows.length / height;
        for (int y = 0; y < height; y++) {
            filtered.write(0);
            filtered.write(rows, y * row, row);
        }
        byte[] picture = chunk("IDAT", deflated(filtered.toByteArray()));
        return bytes(
                PngFile.SIGNATURE,
                header(width, height, depth, colour),
                bytes((Object[]) extra),
                picture,
                chunk("IEND", new byte[0]));
    }

    static byte[] png(Raster raster) {
        return png(raster.width(), raster.height(), 8, 2, raster.levels());
    }

    static byte[] deflated(byte[] data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(out)) {
            deflater.write(data);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    // ---- EXIF -------------------------------------------------------------------------------------------------------

    /** A directory of one entry, after another tag. */
    static byte[] exif(int orientation, boolean little) {
        ByteBuffer block = ByteBuffer.allocate(38).order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        block.put((little ? "II" : "MM").getBytes(StandardCharsets.ISO_8859_1))
                .putShort((short) 42)
                .putInt(8)
                .putShort((short) 2);
        block.putShort((short) 0x100).putShort((short) 4).putInt(1).putInt(7);
        block.putShort((short) 0x112).putShort((short) 3).putInt(1).putShort((short) orientation);
        return block.array();
    }

    static byte[] jpegWithExif(byte[] jpeg, byte[] exif) {
        byte[] rest = java.util.Arrays.copyOfRange(jpeg, 2, jpeg.length);
        int length = exif.length + 8;
        return bytes(0xff, 0xd8, 0xff, 0xe1, length >> 8, length, "Exif\0\0", exif, rest);
    }

    // ---- WebP -------------------------------------------------------------------------------------------------------

    static byte[] riff(byte[]... chunks) {
        byte[] body = bytes("WEBP", bytes((Object[]) chunks));
        return bytes("RIFF", little32(body.length), body);
    }

    static byte[] webpChunk(String kind, byte[] data) {
        return bytes(kind, little32(data.length), data, new byte[data.length % 2]);
    }

    /** A lossless picture of one colour, 0xRRGGBB: five prefix codes of one symbol, so no bits for pixels at all. */
    static byte[] losslessChunk(int width, int height, int colour) {
        Bits bits = new Bits();
        bits.put(0x2f, 8).put(width - 1, 14).put(height - 1, 14).put(0, 1).put(0, 3);
        bits.put(0, 1).put(0, 1).put(0, 1);
        for (int symbol : new int[] {colour >> 8 & 255, colour >> 16, colour & 255, 255, 0}) {
            bits.put(1, 1).put(0, 1).put(1, 1).put(symbol, 8);
        }
        return webpChunk("VP8L", bits.bytes());
    }

    /** An animation of one frame at a place in a larger picture. */
    static byte[] animated(int width, int height, int left, int top, int frameWidth, int frameHeight, int colour) {
        byte[] frame = bytes(
                little24(left / 2),
                little24(top / 2),
                little24(frameWidth - 1),
                little24(frameHeight - 1),
                little24(100),
                0,
                losslessChunk(frameWidth, frameHeight, colour));
        byte[] canvas = bytes(2, 0, 0, 0, little24(width - 1), little24(height - 1));
        byte[] other = bytes(new byte[6], little24(0), little24(0), little24(100), 0, losslessChunk(1, 1, 0xffffff));
        return riff(
                webpChunk("VP8X", canvas),
                webpChunk("ANIM", bytes(0x11, 0x22, 0x33, 0xff, 0, 0)),
                webpChunk("ANMF", frame),
                webpChunk("ANMF", other));
    }

    // ---- GIF --------------------------------------------------------------------------------------------------------

    /**
     * A GIF of one frame per list of indices, on a screen; the palette is global.
     *
     * @param transparent -1 for none
     */
    static byte[] gif(int width, int height, byte[] palette, int transparent, GifFrame... frames) {
        int size = Integer.numberOfTrailingZeros(palette.length / 3) - 1;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(bytes("GIF89a", little16(width), little16(height), 0x80 | size, 1, 0, palette));
        for (GifFrame f : frames) {
            out.writeBytes(bytes(0x21, 0xfe, 2, "hi", 0));
            if (transparent >= 0) out.writeBytes(bytes(0x21, 0xf9, 4, 1, 0, 0, transparent, 0));
            out.writeBytes(bytes(0x2c, little16(f.left), little16(f.top), little16(f.width), little16(f.height), 0));
            out.writeBytes(lzw(f.indices));
        }
        return bytes(out.toByteArray(), 0x3b);
    }

    record GifFrame(int left, int top, int width, int height, byte[] indices) {}

    /** Codes of 9 bits that refer to nothing: the table is cleared before they would grow. */
    private static byte[] lzw(byte[] indices) {
        Bits bits = new Bits();
        for (int i = 0; i < indices.length; i++) {
            if (i % 200 == 0) bits.put(256, 9);
            bits.put(indices[i] & 255, 9);
        }
        byte[] data = bits.put(257, 9).bytes();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(8);
        for (int at = 0; at < data.length; at += 255) {
            int count = Math.min(255, data.length - at);
            out.write(count);
            out.write(data, at, count);
        }
        out.write(0);
        return out.toByteArray();
    }

    /** Bits, the lowest first. */
    private static final class Bits {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private long pending;
        private int count;

        Bits put(int value, int bits) {
            pending |= (long) value << count;
            for (count += bits; count >= 8; count -= 8, pending >>= 8) out.write((int) pending);
            return this;
        }

        byte[] bytes() {
            if (count > 0) out.write((int) pending);
            count = 0;
            pending = 0;
            return out.toByteArray();
        }
    }
}
