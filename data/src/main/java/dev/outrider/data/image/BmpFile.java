package dev.outrider.data.image;

/** BMP, uncompressed, with a header of 40 bytes or more (BITMAPINFOHEADER); other kinds are refused by name. */
final class BmpFile {
    private static final int INFO = 14, PLAIN = 0;

    private BmpFile() {}

    static ImageSource read(ImageBytes bytes) {
        long header = bytes.littleEndian32(INFO);
        if (header < 40 || header > 124) throw bytes.unsupported("a BMP with a header of " + header + " bytes");
        // A negative height: the first row is the uppermost.
        int width = (int) bytes.littleEndian32(18), height = Math.abs((int) bytes.littleEndian32(22));
        int depth = bytes.littleEndian16(28);
        if (width <= 0 || height <= 0) throw bytes.broken(18, width + "x" + height + " pixels", "at least 1x1");
        if (bytes.littleEndian32(30) != PLAIN) throw bytes.unsupported("a compressed BMP, or one with bit masks");
        if (depth != 1 && depth != 4 && depth != 8 && depth != 24 && depth != 32)
            throw bytes.unsupported("a BMP of " + depth + " bits a pixel");
        long row = ((long) width * depth + 31) / 32 * 4;
        bytes.within(bytes.littleEndian32(10), row * height);
        return ImageSource.whole("BMP", width, height, 1, bytes.data());
    }
}
