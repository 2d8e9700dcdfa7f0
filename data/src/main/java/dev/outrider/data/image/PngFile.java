package dev.outrider.data.image;

import java.io.ByteArrayOutputStream;
import java.util.zip.CRC32;

/**
 * PNG, walked from chunk to chunk (W3C Portable Network Graphics). The decoder sees header, palette and picture
 * alone: transparency, gamma and the frames of an animation would change the colours.
 */
final class PngFile {
    static final String SIGNATURE = "\u0089PNG\r\n\u001a\n";

    private final ImageBytes bytes;
    private final ByteArrayOutputStream kept;
    private int width, height, colour, orientation = 1;
    private boolean palette, picture;

    private PngFile(ImageBytes bytes) {
        this.bytes = bytes;
        kept = new ByteArrayOutputStream(bytes.length());
    }

    static ImageSource read(ImageBytes bytes) {
        return new PngFile(bytes).read();
    }

    private ImageSource read() {
        int at = SIGNATURE.length();
        keep(0, at);
        header(at);
        for (boolean end = false; !end; at += 12 + length(at)) {
            String kind = bytes.text(at + 4, 4);
            bytes.within(at, 12L + length(at));
            end = kind.equals("IEND");
            switch (kind) {
                case "IHDR", "IEND" -> chunk(at, kind);
                case "PLTE" -> palette(at);
                case "IDAT" -> picture(at);
                case "eXIf" -> orientation = Exif.orientation(bytes, at + 8, at + 8L + length(at));
                default -> {}
            }
        }
        if (!picture) throw bytes.broken(at, "no picture", "an IDAT chunk");
        return ImageSource.whole("PNG", width, height, orientation, kept.toByteArray());
    }

    private int length(int at) {
        long length = bytes.bigEndian32(at);
        if (length > Integer.MAX_VALUE - 12) throw bytes.broken(at, "a chunk of " + length + " bytes", "less");
        return (int) length;
    }

    private void header(int at) {
        if (!bytes.text(at + 4, 4).equals("IHDR") || length(at) != 13)
            throw bytes.broken(at, "no header", "an IHDR chunk of 13 bytes");
        long wide = bytes.bigEndian32(at + 8), high = bytes.bigEndian32(at + 12);
        if (wide == 0 || high == 0 || wide > Integer.MAX_VALUE || high > Integer.MAX_VALUE)
            throw bytes.broken(at + 8, wide + "x" + high + " pixels", "1 to 2^31 - 1 on each edge");
        width = (int) wide;
        height = (int) high;
        colour = bytes.u8(at + 17);
        int depth = bytes.u8(at + 16);
        if (!allowed(depth, colour))
            throw bytes.broken(at + 16, depth + " bits of colour type " + colour, "a depth that PNG has");
        if (bytes.u8(at + 18) != 0 || bytes.u8(at + 19) != 0 || bytes.u8(at + 20) > 1)
            throw bytes.broken(at + 18, "an unknown compression, filter or interlacing", "PNG's own");
    }

    private static boolean allowed(int depth, int colour) {
        return switch (colour) {
            case 0 -> depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
            case 3 -> depth == 1 || depth == 2 || depth == 4 || depth == 8;
            case 2, 4, 6 -> depth == 8 || depth == 16;
            default -> false;
        };
    }

    private void palette(int at) {
        int entries = length(at) / 3;
        if (colour != 3 || palette) return;
        if (entries == 0 || entries > 256 || length(at) % 3 != 0)
            throw bytes.broken(at, "a palette of " + length(at) + " bytes", "3 for each of 1 to 256 colours");
        palette = true;
        chunk(at, "PLTE");
    }

    private void picture(int at) {
        if (colour == 3 && !palette) throw bytes.broken(at, "a picture without palette", "a PLTE chunk before it");
        picture = true;
        chunk(at, "IDAT");
    }

    private void chunk(int at, String kind) {
        CRC32 sum = new CRC32();
        sum.update(bytes.data(), at + 4, 4 + length(at));
        if (sum.getValue() != bytes.bigEndian32(at + 8L + length(at)))
            throw bytes.broken(at, kind + " with a wrong checksum", "undamaged bytes");
        keep(at, 12 + length(at));
    }

    private void keep(int from, int count) {
        kept.write(bytes.data(), from, count);
    }
}
