package dev.outrider.data.image;

import dev.outrider.checkpoints.Failure;

/**
 * What a file's header says of its (first) picture, known before anything is decoded, and the bytes that a decoder
 * is to see: those that pixels are made of. Metadata, other frames and transparency are left out, so that no decoder
 * acts on them.
 *
 * @param width of the whole picture, pixels
 * @param left where the decoded frame lies in it
 * @param background colour of what the frame does not cover, 0xRRGGBB
 * @param orientation EXIF's, 1 to 8; 1 is upright
 */
record ImageSource(
        String format,
        int width,
        int height,
        int left,
        int top,
        int frameWidth,
        int frameHeight,
        int background,
        int orientation,
        byte[] frame) {

    static ImageSource whole(String format, int width, int height, int orientation, byte[] frame) {
        return new ImageSource(format, width, height, 0, 0, width, height, 0, orientation, frame);
    }

    /** @throws Failure DATA where the bytes are none of the formats, or broken as far as can be seen undecoded */
    static ImageSource read(ImageBytes bytes) {
        if (bytes.startsWith(0, "\u00ff\u00d8\u00ff")) return JpegFile.read(bytes);
        if (bytes.startsWith(0, PngFile.SIGNATURE)) return PngFile.read(bytes);
        if (bytes.startsWith(0, "RIFF") && bytes.startsWith(8, "WEBP")) return WebpFile.read(bytes);
        if (bytes.startsWith(0, "GIF87a") || bytes.startsWith(0, "GIF89a")) return GifFile.read(bytes);
        if (bytes.startsWith(0, "BM")) return BmpFile.read(bytes);
        throw bytes.unsupported(kind(bytes));
    }

    private static String kind(ImageBytes bytes) {
        if (bytes.length() == 0) return "an empty file";
        if (bytes.startsWith(0, "II*\0") || bytes.startsWith(0, "MM\0*")) return "a TIFF file";
        if (bytes.startsWith(4, "ftypavif")) return "an AVIF file";
        if (bytes.startsWith(4, "ftyphei") || bytes.startsWith(4, "ftypmif1")) return "a HEIF file";
        if (bytes.startsWith(0, "%PDF")) return "a PDF file";
        if (bytes.startsWith(0, "<svg") || bytes.startsWith(0, "<?xml")) return "an SVG or XML file";
        if (bytes.startsWith(0, "<")) return "a web page or XML";
        return "bytes of no known image format";
    }

    boolean covered() {
        return left == 0 && top == 0 && frameWidth == width && frameHeight == height;
    }
}
