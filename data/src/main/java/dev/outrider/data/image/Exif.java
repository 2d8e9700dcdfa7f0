package dev.outrider.data.image;

/** The orientation of an EXIF block (a TIFF header and its first directory). Broken blocks say nothing. */
final class Exif {
    private static final int ORIENTATION = 0x0112, SHORT = 3;

    private Exif() {}

    /** @return 1 to 8; 1 where there is none */
    static int orientation(ImageBytes bytes, long from, long to) {
        long at = bytes.startsWith(from, "Exif\0\0") ? from + 6 : from;
        boolean little = bytes.startsWith(at, "II*\0");
        if (to - at < 14 || !little && !bytes.startsWith(at, "MM\0*")) return 1;
        long directory = at + u32(bytes, little, at + 4);
        if (directory + 2 > to) return 1;
        int entries = u16(bytes, little, directory);
        for (long entry = directory + 2; entries > 0 && entry + 12 <= to; entries--, entry += 12) {
            if (u16(bytes, little, entry) == ORIENTATION) return value(bytes, little, entry);
        }
        return 1;
    }

    private static int value(ImageBytes bytes, boolean little, long entry) {
        int value = u16(bytes, little, entry + 8);
        boolean right = u16(bytes, little, entry + 2) == SHORT && u32(bytes, little, entry + 4) == 1;
        return right && value >= 1 && value <= 8 ? value : 1;
    }

    private static int u16(ImageBytes bytes, boolean little, long at) {
        return little ? bytes.littleEndian16(at) : bytes.bigEndian16(at);
    }

    private static long u32(ImageBytes bytes, boolean little, long at) {
        return little ? bytes.littleEndian32(at) : bytes.bigEndian32(at);
    }
}
