package dev.outrider.data.image;

import java.io.ByteArrayOutputStream;

/**
 * WebP (RFC 9649). The decoder sees the bitstream of the first frame alone: alpha is dropped, and of an animation the
 * first frame lies on black, as on the transparent black of libwebp's own animation decoder.
 */
final class WebpFile {
    private final ImageBytes bytes;
    private int canvasWidth, canvasHeight, left, top, orientation = 1;
    private int width, height, boxWidth, boxHeight;
    private byte[] frame;

    private WebpFile(ImageBytes bytes) {
        this.bytes = bytes;
    }

    static ImageSource read(ImageBytes bytes) {
        return new WebpFile(bytes).read();
    }

    private ImageSource read() {
        long end = 8 + bytes.littleEndian32(4);
        bytes.within(0, end);
        chunks(12, end);
        if (frame == null) throw bytes.broken(12, "no picture", "a VP8 or VP8L chunk");
        if (canvasWidth == 0) {
            canvasWidth = width;
            canvasHeight = height;
        }
        place();
        return new ImageSource("WebP", canvasWidth, canvasHeight, left, top, width, height, 0, orientation, frame);
    }

    private void place() {
        boolean still = boxWidth == 0;
        int wide = still ? canvasWidth : boxWidth, high = still ? canvasHeight : boxHeight;
        if (width != wide || height != high)
            throw bytes.broken(12, "a frame of " + width + "x" + height, "one of " + wide + "x" + high);
        if ((long) left + width > canvasWidth || (long) top + height > canvasHeight)
            throw bytes.broken(12, "a frame beyond the picture", "one inside " + canvasWidth + "x" + canvasHeight);
    }

    private void chunks(long at, long end) {
        while (at + 8 <= end) {
            long size = bytes.littleEndian32(at + 4), data = at + 8;
            if (data + size > end) throw bytes.broken(at, "a chunk of " + size + " bytes", "the file's last bytes");
            switch (bytes.text(at, 4)) {
                case "VP8X" -> canvas(data);
                case "ANMF" -> animationFrame(data, data + size);
                case "VP8 " -> lossy(at, data, size);
                case "VP8L" -> lossless(at, data, size);
                case "EXIF" -> orientation = Exif.orientation(bytes, data, data + size);
                default -> {}
            }
            at = data + size + size % 2;
        }
    }

    private void canvas(long at) {
        canvasWidth = bytes.littleEndian24(at + 4) + 1;
        canvasHeight = bytes.littleEndian24(at + 7) + 1;
    }

    private void animationFrame(long at, long end) {
        if (frame != null) return;
        left = 2 * bytes.littleEndian24(at);
        top = 2 * bytes.littleEndian24(at + 3);
        boxWidth = bytes.littleEndian24(at + 6) + 1;
        boxHeight = bytes.littleEndian24(at + 9) + 1;
        chunks(at + 16, end);
    }

    /** Frame tag of 3 bytes, start code, 14 bits each of width and height. */
    private void lossy(long chunk, long at, long size) {
        if (frame != null) return;
        if (bytes.u8(at) % 2 != 0 || bytes.littleEndian24(at + 3) != 0x2a019d)
            throw bytes.broken(at, "no key frame", "the start of a VP8 picture");
        width = bytes.littleEndian16(at + 6) & 0x3fff;
        height = bytes.littleEndian16(at + 8) & 0x3fff;
        if (width == 0 || height == 0) throw bytes.broken(at, width + "x" + height + " pixels", "at least 1x1");
        frame = alone(chunk, size);
    }

    /** A signature byte, 14 bits each of width - 1 and height - 1. */
    private void lossless(long chunk, long at, long size) {
        if (frame != null) return;
        if (bytes.u8(at) != 0x2f) throw bytes.broken(at, "no signature", "the start of a VP8L picture");
        long bits = bytes.littleEndian32(at + 1);
        width = (int) (bits & 0x3fff) + 1;
        height = (int) (bits >> 14 & 0x3fff) + 1;
        frame = alone(chunk, size);
    }

    /** A file of this one chunk. */
    private byte[] alone(long chunk, long size) {
        long padded = 8 + size + size % 2;
        ByteArrayOutputStream file = new ByteArrayOutputStream((int) padded + 12);
        file.write(bytes.data(), 0, 4);
        for (int i = 0; i < 4; i++) file.write((int) (4 + padded >> 8 * i));
        file.write(bytes.data(), 8, 4);
        file.write(bytes.data(), (int) chunk, (int) (8 + size));
        if (size % 2 == 1) file.write(0);
        return file.toByteArray();
    }
}
