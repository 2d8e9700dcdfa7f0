package dev.outrider.data.image;

import java.io.ByteArrayOutputStream;

/**
 * JPEG, walked from marker to marker (ISO/IEC 10918-1, annex B). The decoder sees the picture's own segments, and of
 * the application's those of JFIF and Adobe, which name the colours.
 */
final class JpegFile {
    private static final int START = 0xd8, END = 0xd9, SCAN = 0xda, COMMENT = 0xfe;
    private static final int JFIF = 0xe0, EXIF = 0xe1, ADOBE = 0xee, LAST_APPLICATION = 0xef;

    // Progressive pictures have about ten; every further one costs a pass over all pixels.
    private static final int MOST_SCANS = 100;

    private final ImageBytes bytes;
    private final ByteArrayOutputStream kept;
    private int width, height, scans, orientation = 1;

    private JpegFile(ImageBytes bytes) {
        this.bytes = bytes;
        kept = new ByteArrayOutputStream(bytes.length());
        keep(0, 2);
    }

    static ImageSource read(ImageBytes bytes) {
        return new JpegFile(bytes).read();
    }

    private ImageSource read() {
        for (long at = marker(2); ; at = marker(at)) {
            int kind = bytes.u8(at - 1);
            if (kind == END) break;
            at = standalone(kind) ? at : segment(kind, at);
        }
        kept.write(0xff);
        kept.write(END);
        if (scans == 0) throw bytes.broken(2, "no scan", "a picture");
        return ImageSource.whole("JPEG", width, height, orientation, kept.toByteArray());
    }

    /** Behind the marker that stands at the given place, its fill bytes passed over. */
    private long marker(long at) {
        if (bytes.u8(at) != 0xff) throw bytes.broken(at, "no marker", "a marker of the next segment");
        while (bytes.u8(at) == 0xff) at++;
        return at + 1;
    }

    private static boolean standalone(int kind) {
        return kind >= 0xd0 && kind <= START || kind == 1;
    }

    /** @param at behind the marker */
    private long segment(int kind, long at) {
        int length = bytes.bigEndian16(at);
        if (length < 2) throw bytes.broken(at, "a segment of " + length + " bytes", "at least 2");
        bytes.within(at, length);
        long end = at + length;
        if (isFrame(kind)) frame(kind, at);
        if (kind == EXIF && orientation == 1) orientation = exif(at + 2, end);
        if (kind == SCAN) end = scan(end);
        if (isKept(kind)) {
            kept.write(0xff);
            kept.write(kind);
            keep(at, end - at);
        }
        return end;
    }

    private int exif(long from, long to) {
        return bytes.startsWith(from, "Exif\0\0") ? Exif.orientation(bytes, from, to) : 1;
    }

    private static boolean isKept(int kind) {
        boolean application = kind >= JFIF && kind <= LAST_APPLICATION;
        return kind != COMMENT && (!application || kind == JFIF || kind == ADOBE);
    }

    // 0xc4, 0xc8 and 0xcc are tables.
    private static boolean isFrame(int kind) {
        return kind >= 0xc0 && kind <= 0xcf && kind % 4 != 0 || kind == 0xc0;
    }

    private void frame(int kind, long at) {
        if (width > 0) throw bytes.broken(at, "a second frame header", "one");
        boolean known = kind <= 0xc2 || kind == 0xc9 || kind == 0xca;
        int depth = bytes.u8(at + 2), components = bytes.u8(at + 7);
        if (!known) throw bytes.unsupported("a lossless or hierarchical JPEG");
        if (depth != 8) throw bytes.unsupported("a JPEG of " + depth + " bits");
        if (components != 1 && components != 3 && components != 4)
            throw bytes.broken(at + 7, components + " colour components", "1, 3 or 4");
        height = bytes.bigEndian16(at + 3);
        width = bytes.bigEndian16(at + 5);
        if (width == 0 || height == 0) throw bytes.broken(at + 3, width + "x" + height + " pixels", "at least 1x1");
    }

    /** The end of a scan's data: the next marker that is neither a restart nor a byte 0xff of the data. */
    private long scan(long at) {
        if (width == 0) throw bytes.broken(at, "a scan", "a frame header before it");
        if (++scans > MOST_SCANS) throw bytes.broken(at, "more than " + MOST_SCANS + " scans", "fewer");
        byte[] data = bytes.data();
        for (int i = (int) at; i + 1 < data.length; i++) {
            int next = data[i + 1] & 255;
            if (data[i] == -1 && next != 0 && next != 0xff && !(next >= 0xd0 && next <= 0xd7)) return i;
        }
        throw bytes.broken(bytes.length(), "the end of the file", "the end of the picture: it is cut off");
    }

    private void keep(long from, long count) {
        kept.write(bytes.data(), (int) from, (int) count);
    }
}
