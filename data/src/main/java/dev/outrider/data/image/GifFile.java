package dev.outrider.data.image;

import java.io.ByteArrayOutputStream;

/**
 * GIF (CompuServe, 87a and 89a). The decoder sees a file of the first frame alone, of its size and with its colours.
 * What it does not cover of the screen has the transparent colour where there is one, else the palette's first.
 */
final class GifFile {
    private static final int EXTENSION = 0x21, IMAGE = 0x2c, CONTROL = 0xf9;

    private final ImageBytes bytes;
    private byte[] global;
    private int transparent;

    private GifFile(ImageBytes bytes) {
        this.bytes = bytes;
    }

    static ImageSource read(ImageBytes bytes) {
        return new GifFile(bytes).read();
    }

    private ImageSource read() {
        int flags = bytes.u8(10);
        global = palette(13, flags);
        long at = 13 + paletteBytes(flags);
        while (bytes.u8(at) == EXTENSION) at = extension(at);
        if (bytes.u8(at) != IMAGE) throw bytes.broken(at, "block " + bytes.u8(at), "a picture");
        return picture(at);
    }

    private long extension(long at) {
        boolean control = bytes.u8(at + 1) == CONTROL && bytes.u8(at + 2) >= 4;
        if (control && bytes.u8(at + 3) % 2 == 1) transparent = bytes.u8(at + 6);
        return blocksEnd(at + 2);
    }

    /** Behind a chain of blocks of up to 255 bytes that an empty one ends. */
    private long blocksEnd(long at) {
        while (bytes.u8(at) != 0) at += 1 + bytes.u8(at);
        return at + 1;
    }

    private ImageSource picture(long at) {
        int left = bytes.littleEndian16(at + 1), top = bytes.littleEndian16(at + 3);
        int width = bytes.littleEndian16(at + 5), height = bytes.littleEndian16(at + 7);
        if (width == 0 || height == 0) throw bytes.broken(at + 5, width + "x" + height + " pixels", "at least 1x1");
        int flags = bytes.u8(at + 9);
        byte[] colours = flags >= 128 ? palette(at + 10, flags) : global;
        long data = at + 10 + paletteBytes(flags);
        return new ImageSource(
                "GIF",
                Math.max(bytes.littleEndian16(6), left + width),
                Math.max(bytes.littleEndian16(8), top + height),
                left,
                top,
                width,
                height,
                colour(colours, transparent),
                1,
                alone(at, flags, colours, data));
    }

    private static int colour(byte[] palette, int index) {
        int at = 3 * index;
        return (palette[at] & 255) << 16 | (palette[at + 1] & 255) << 8 | palette[at + 2] & 255;
    }

    private static int paletteBytes(int flags) {
        return flags >= 128 ? 3 * (2 << (flags & 7)) : 0;
    }

    /** 256 colours: those of the file, then black; greys where it names none. As Pillow has them. */
    private byte[] palette(long at, int flags) {
        byte[] colours = new byte[3 * 256];
        for (int i = 0; flags < 128 && i < colours.length; i++) colours[i] = (byte) (i / 3);
        bytes.within(at, paletteBytes(flags));
        System.arraycopy(bytes.data(), (int) at, colours, 0, paletteBytes(flags));
        return colours;
    }

    private byte[] alone(long at, int flags, byte[] colours, long data) {
        int codeBits = bytes.u8(data);
        if (codeBits < 1 || codeBits > 8) throw bytes.broken(data, codeBits + " bits a pixel", "1 to 8");
        long end = blocksEnd(data + 1);
        ByteArrayOutputStream file = new ByteArrayOutputStream((int) (end - data) + 1024);
        file.write(bytes.data(), 0, 6);
        file.write(bytes.data(), (int) at + 5, 4);
        file.writeBytes(new byte[] {(byte) 0xf7, 0, 0});
        file.writeBytes(colours);
        file.writeBytes(new byte[] {IMAGE, 0, 0, 0, 0});
        file.write(bytes.data(), (int) at + 5, 4);
        file.write(flags & 0x40);
        file.write(bytes.data(), (int) data, (int) (end - data));
        file.write(0x3b);
        return file.toByteArray();
    }
}
