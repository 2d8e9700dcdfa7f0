package dev.outrider.data.image;

import static dev.outrider.data.image.Pictures.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.image.Pictures.GifFrame;
import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import java.util.random.RandomGenerator;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of file gives the levels of PIL.Image.open(..).convert("RGB"); the files are made here. */
class ImageFormatsTest {
    private static final int WIDTH = 13, HEIGHT = 7, PIXELS = WIDTH * HEIGHT;

    private final RandomGenerator random = Seeds.generator(1);

    private static ImageSource source(byte[] file) {
        return ImageSource.read(new ImageBytes("picture", file));
    }

    private static Raster decode(byte[] file) {
        return Decoder.decode("picture", source(file));
    }

    private byte[] noise(int count) {
        byte[] noise = new byte[count];
        random.nextBytes(noise);
        return noise;
    }

    /** Levels from a value per pixel and channel. */
    private static byte[] rgb(IntUnaryOperator level) {
        byte[] rgb = new byte[3 * PIXELS];
        for (int i = 0; i < rgb.length; i++) rgb[i] = (byte) level.applyAsInt(i);
        return rgb;
    }

    // ---- PNG --------------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void pngGreysAreSpreadOverAllLevels(int depth) {
        int row = (WIDTH * depth + 7) / 8;
        byte[] data = noise(row * HEIGHT);
        Raster decoded = decode(Pictures.png(WIDTH, HEIGHT, depth, 0, data));
        assertThat(decoded.levels())
                .containsExactly(rgb(i -> sample(data, row, depth, i / 3) * 255 / ((1 << depth) - 1)));
    }

    private static int sample(byte[] data, int row, int depth, int pixel) {
        int bit = pixel % WIDTH * depth, at = pixel / WIDTH * row + bit / 8;
        return (data[at] & 255) >> 8 - depth - bit % 8 & (1 << depth) - 1;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void pngPalettesAreExpandedAndTheirTransparencyIgnored(int depth) {
        int row = (WIDTH * depth + 7) / 8;
        byte[] data = noise(row * HEIGHT), palette = noise(3 << depth);
        byte[] file = Pictures.png(
                WIDTH, HEIGHT, depth, 3, data, Pictures.chunk("PLTE", palette), Pictures.chunk("tRNS", new byte[] {
                    0, 100
                }));
        assertThat(decode(file).levels())
                .containsExactly(rgb(i -> palette[3 * sample(data, row, depth, i / 3) + i % 3]));
    }

    @Test
    void pngAlphaIsDropped() {
        byte[] colour = noise(4 * PIXELS), grey = noise(2 * PIXELS);
        assertThat(decode(Pictures.png(WIDTH, HEIGHT, 8, 6, colour)).levels())
                .containsExactly(rgb(i -> colour[i / 3 * 4 + i % 3]));
        assertThat(decode(Pictures.png(WIDTH, HEIGHT, 8, 4, grey)).levels()).containsExactly(rgb(i -> grey[i / 3 * 2]));
    }

    @ParameterizedTest
    @CsvSource({"2, 3", "4, 2", "6, 4"})
    void png16BitsAreCutToTheUpper8(int colour, int channels) {
        byte[] data = noise(2 * channels * PIXELS);
        int colours = channels > 2 ? 3 : 1;
        assertThat(decode(Pictures.png(WIDTH, HEIGHT, 16, colour, data)).levels())
                .containsExactly(rgb(i -> data[2 * (i / 3 * channels + i % 3 % colours)]));
    }

    /** Pillow's I;16: everything above 255 is white. */
    @Test
    void pngGreysOf16BitsEndAt255() {
        byte[] data = noise(2 * PIXELS);
        for (int i = 0; i < data.length; i += 4) data[i] = 0;
        assertThat(decode(Pictures.png(WIDTH, HEIGHT, 16, 0, data)).levels())
                .containsExactly(rgb(i -> data[i / 3 * 2] == 0 ? data[i / 3 * 2 + 1] : 255));
    }

    /** Gamma, a transparent colour, an animation whose first frame is another picture, text. */
    @Test
    void pngChunksThatAreNoPictureChangeNothing() {
        Raster picture = Pictures.noise(random, WIDTH, HEIGHT), other = Pictures.noise(random, WIDTH, HEIGHT);
        byte[] plain = Pictures.png(picture), end = Pictures.chunk("IEND", new byte[0]);
        byte[] filtered = new byte[HEIGHT * (3 * WIDTH + 1)];
        for (int y = 0; y < HEIGHT; y++)
            System.arraycopy(other.levels(), 3 * WIDTH * y, filtered, (3 * WIDTH + 1) * y + 1, 3 * WIDTH);
        int header = PngFile.SIGNATURE.length() + 25;
        byte[] file = bytes(
                Arrays.copyOf(plain, header),
                Pictures.chunk("gAMA", Pictures.big32(30000)),
                Pictures.chunk("tRNS", new byte[6]),
                Pictures.chunk("acTL", bytes(Pictures.big32(2), Pictures.big32(0))),
                Arrays.copyOfRange(plain, header, plain.length - end.length),
                frameControl(0),
                Pictures.chunk("fdAT", bytes(Pictures.big32(1), Pictures.deflated(filtered))),
                frameControl(2),
                Pictures.chunk("fdAT", bytes(Pictures.big32(3), Pictures.deflated(filtered))),
                end);
        assertThat(decode(file).levels()).containsExactly(picture.levels());
    }

    private static byte[] frameControl(int number) {
        byte[] size = bytes(Pictures.big32(WIDTH), Pictures.big32(HEIGHT));
        return Pictures.chunk("fcTL", bytes(Pictures.big32(number), size, new byte[8], 0, 1, 0, 100, 0, 0));
    }

    // ---- JPEG -------------------------------------------------------------------------------------------------------

    @Test
    void jpegIsThatOfTheJdk() throws IOException {
        Raster smooth =
                new Raster(WIDTH, HEIGHT, rgb(i -> 40 + 5 * (i / 3 % WIDTH) + 9 * (i % 3) + 7 * (i / 3 / WIDTH)));
        byte[] file = Pictures.written(Pictures.buffered(smooth), "jpg");
        assertThat(meanDifference(decode(file).levels(), smooth.levels())).isLessThan(3);
    }

    private static double meanDifference(byte[] a, byte[] b) {
        assertThat(a).hasSameSizeAs(b);
        double sum = 0;
        for (int i = 0; i < a.length; i++) sum += Math.abs((a[i] & 255) - (b[i] & 255));
        return sum / a.length;
    }

    @Test
    void jpegGreysAreRepeated() {
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_BYTE_GRAY);
        for (int x = 0; x < WIDTH; x++)
            for (int y = 0; y < HEIGHT; y++) image.getRaster().setSample(x, y, 0, 10 * x + 9 * y);
        byte[] ours = decode(Pictures.written(image, "jpg")).levels();
        assertThat(meanDifference(ours, rgb(i -> 10 * (i / 3 % WIDTH) + 9 * (i / 3 / WIDTH))))
                .isLessThan(3);
        for (int i = 0; i < PIXELS; i++)
            assertThat(ours[3 * i]).isEqualTo(ours[3 * i + 1]).isEqualTo(ours[3 * i + 2]);
    }

    /** Inks are stored inverted, as Adobe does: R = K · C / 255. */
    @Test
    void jpegCmykBecomesRgb() throws IOException {
        int[] inverted = {200, 100, 30, 240};
        WritableRaster raster =
                java.awt.image.Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, WIDTH, HEIGHT, 4, null);
        for (int i = 0; i < PIXELS; i++) raster.setPixel(i % WIDTH, i / WIDTH, inverted);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpg").next();
        try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(stream);
            writer.write(new IIOImage(raster, null, null));
        }
        byte[] ours = decode(out.toByteArray()).levels();
        for (int i = 0; i < ours.length; i++)
            assertThat((ours[i] & 255) * 1.0).isCloseTo(240 * inverted[i % 3] / 255.0, within(4.0));
    }

    @Test
    void jpegMetadataIsPassedOver() {
        Raster picture = Pictures.noise(random, WIDTH, HEIGHT);
        byte[] plain = Pictures.written(Pictures.buffered(picture), "jpg");
        byte[] with = Pictures.jpegWithExif(plain, noise(5000));
        assertThat(decode(bytes(with, noise(99))).levels())
                .containsExactly(decode(plain).levels());
    }

    // ---- GIF, BMP, WebP ---------------------------------------------------------------------------------------------

    @Test
    void gifGivesItsFirstFrame() {
        byte[] palette = noise(3 * 256), first = noise(PIXELS), second = noise(PIXELS);
        byte[] file = Pictures.gif(
                WIDTH,
                HEIGHT,
                palette,
                first[3] & 255,
                new GifFrame(0, 0, WIDTH, HEIGHT, first),
                new GifFrame(0, 0, WIDTH, HEIGHT, second));
        assertThat(decode(file).levels()).containsExactly(rgb(i -> palette[3 * (first[i / 3] & 255) + i % 3]));
    }

    /** What a frame does not cover has the transparent colour, or the first one. */
    @ParameterizedTest
    @CsvSource({"-1, 20, 20", "77, 20, 20", "77, 4, 15"})
    void gifFramesLieOnTheirScreen(int transparent, int screen, int width) {
        byte[] palette = noise(3 * 256), indices = noise(PIXELS);
        byte[] file = Pictures.gif(screen, 4, palette, transparent, new GifFrame(2, 3, WIDTH, HEIGHT, indices));
        Raster decoded = decode(file);
        assertThat(decoded.width()).isEqualTo(width);
        assertThat(decoded.height()).isEqualTo(3 + HEIGHT);
        for (int i = 0; i < decoded.levels().length; i++) {
            int x = i / 3 % width - 2, y = i / 3 / width - 3;
            boolean inside = x >= 0 && x < WIDTH && y >= 0;
            int index = inside ? indices[y * WIDTH + x] & 255 : Math.max(0, transparent);
            assertThat(decoded.levels()[i]).isEqualTo(palette[3 * index + i % 3]);
        }
    }

    @Test
    void gifColoursBeyondThePaletteAreBlack() {
        byte[] palette = noise(3 * 16), indices = noise(PIXELS);
        byte[] file = Pictures.gif(WIDTH, HEIGHT, palette, -1, new GifFrame(0, 0, WIDTH, HEIGHT, indices));
        assertThat(decode(file).levels())
                .containsExactly(rgb(i -> (indices[i / 3] & 255) < 16 ? palette[3 * indices[i / 3] + i % 3] : 0));
    }

    @Test
    void bmpIsRead() {
        Raster picture = Pictures.noise(random, WIDTH, HEIGHT);
        BufferedImage colours = Pictures.buffered(picture);
        assertThat(decode(Pictures.written(colours, "bmp")).levels()).containsExactly(picture.levels());
        BufferedImage indexed = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_BYTE_INDEXED);
        indexed.getRaster().setDataElements(0, 0, WIDTH, HEIGHT, noise(PIXELS));
        assertThat(decode(Pictures.written(indexed, "bmp")).levels())
                .containsExactly(rgb(i -> indexed.getRGB(i / 3 % WIDTH, i / 3 / WIDTH) >> 16 - 8 * (i % 3)));
    }

    @Test
    void webpIsRead() {
        Raster decoded = decode(Pictures.riff(Pictures.losslessChunk(WIDTH, HEIGHT, 0x1278ea)));
        assertThat(decoded).usingRecursiveComparison().isEqualTo(Raster.filled(WIDTH, HEIGHT, 0x1278ea));
    }

    @Test
    void webpAnimationsGiveTheirFirstFrameOnBlack() {
        Raster theirs = Raster.filled(WIDTH, HEIGHT, 0);
        theirs.paste(Raster.filled(5, 3, 0x1278ea), 4, 2);
        Raster ours = decode(Pictures.animated(WIDTH, HEIGHT, 4, 2, 5, 3, 0x1278ea));
        assertThat(ours).usingRecursiveComparison().isEqualTo(theirs);
    }

    // ---- orientation ------------------------------------------------------------------------------------------------

    /** The picture ab, cd, ef as each orientation wants it seen. */
    @ParameterizedTest
    @CsvSource({
        "1, ab cd ef",
        "2, ba dc fe",
        "3, fe dc ba",
        "4, ef cd ab",
        "5, ace bdf",
        "6, eca fdb",
        "7, fdb eca",
        "8, bdf ace"
    })
    void picturesAreTurned(int orientation, String expected) {
        byte[] levels = new byte[18];
        for (int i = 0; i < 18; i++) levels[i] = (byte) ('a' + i / 3 + 10 * (i % 3));
        Raster turned = new Raster(2, 3, levels).upright(orientation);
        StringBuilder seen = new StringBuilder();
        for (int i = 0; i < 18; i += 3) {
            if (i > 0 && i / 3 % turned.width() == 0) seen.append(' ');
            seen.append((char) turned.levels()[i]);
            assertThat(turned.levels()[i + 1] - turned.levels()[i]).isEqualTo(10);
            assertThat(turned.levels()[i + 2] - turned.levels()[i]).isEqualTo(20);
        }
        assertThat(seen).hasToString(expected);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void orientationIsFoundWhereEachFormatHasIt(boolean little) {
        Raster picture = Pictures.noise(random, WIDTH, HEIGHT);
        byte[] jpeg = Pictures.written(Pictures.buffered(picture), "jpg");
        for (int orientation = 1; orientation <= 8; orientation++) {
            byte[] exif = Pictures.exif(orientation, little);
            byte[] png = Pictures.png(WIDTH, HEIGHT, 8, 2, picture.levels(), Pictures.chunk("eXIf", exif));
            byte[] webp = Pictures.riff(Pictures.losslessChunk(WIDTH, HEIGHT, 0), Pictures.webpChunk("EXIF", exif));
            for (byte[] file : new byte[][] {Pictures.jpegWithExif(jpeg, exif), png, webp}) {
                assertThat(source(file).orientation()).isEqualTo(orientation);
                assertThat(decode(file).width()).isEqualTo(WIDTH);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 9, 65535})
    void unknownOrientationsSayNothing(int orientation) {
        byte[] jpeg = Pictures.written(Pictures.buffered(new Raster(WIDTH, HEIGHT)), "jpg");
        assertThat(source(Pictures.jpegWithExif(jpeg, Pictures.exif(orientation, true)))
                        .orientation())
                .isEqualTo(1);
    }

    // ---- refused by name --------------------------------------------------------------------------------------------

    private static void refused(byte[] file, String... said) {
        assertThatThrownBy(() -> decode(file)).isInstanceOfSatisfying(Failure.class, f -> {
            assertThat(f.kind()).isEqualTo(Failure.Kind.DATA);
            assertThat(f.getMessage()).startsWith("picture").contains(said);
        });
    }

    @Test
    void whatIsNoImageIsNamed() {
        refused(new byte[0], "an empty file");
        refused(bytes("II*\0", new byte[20]), "a TIFF file", "JPEG, PNG, WebP, GIF or BMP");
        refused(bytes("<html><body>404"), "a web page");
        refused(bytes("Hello, world"), "no known image format");
        refused(bytes(new byte[4], "ftypavif"), "an AVIF file");
    }

    @Test
    void aJpegThatIsCutOffIsNamed() {
        byte[] jpeg = Pictures.written(Pictures.buffered(Pictures.noise(random, 40, 30)), "jpg");
        refused(Arrays.copyOf(jpeg, jpeg.length - 2), "byte " + (jpeg.length - 2), "cut off");
        refused(Arrays.copyOf(jpeg, 100), "the end of the file");
        refused(bytes(0xff, 0xd8, 0xff, 0xd9), "no scan");
    }

    @ParameterizedTest
    @CsvSource({"195, lossless or hierarchical", "203, lossless or hierarchical", "197, lossless or hierarchical"})
    void jpegsOfOtherKindsAreNamed(int frame, String said) {
        byte[] jpeg = Pictures.written(Pictures.buffered(new Raster(8, 8)), "jpg");
        int at = 2;
        while ((jpeg[at + 1] & 255) != 0xc0) at += 2 + ((jpeg[at + 2] & 255) << 8 | jpeg[at + 3] & 255);
        byte[] twelve = jpeg.clone(), none = jpeg.clone();
        jpeg[at + 1] = (byte) frame;
        twelve[at + 4] = 12;
        none[at + 5] = none[at + 6] = 0;
        refused(jpeg, said);
        refused(twelve, "12 bits");
        refused(none, "8x0 pixels", "at least 1x1");
    }

    @Test
    void aDamagedPngIsNamed() {
        byte[] png = Pictures.png(Pictures.noise(random, WIDTH, HEIGHT));
        byte[] flipped = png.clone();
        flipped[60] ^= 4;
        refused(flipped, "IDAT with a wrong checksum");
        refused(Arrays.copyOf(png, png.length - 12), "the end of the file");
        refused(Pictures.png(WIDTH, HEIGHT, 8, 3, noise(PIXELS)), "without palette");
        refused(Pictures.png(WIDTH, HEIGHT, 3, 0, noise(PIXELS)), "3 bits of colour type 0");
        refused(Pictures.png(WIDTH, HEIGHT, 8, 2, noise(PIXELS)), "OpenCV cannot decode", "13x7");
        refused(Pictures.png(0, HEIGHT, 8, 2, noise(PIXELS)), "0x7 pixels");
    }

    @Test
    void damageToOthersIsNamed() {
        byte[] webp = Pictures.riff(Pictures.losslessChunk(WIDTH, HEIGHT, 0));
        refused(Arrays.copyOf(webp, webp.length - 2), "the end of the file");
        refused(Pictures.riff(Pictures.webpChunk("ICCP", new byte[3])), "no picture");
        refused(Pictures.animated(WIDTH, HEIGHT, 10, 2, 5, 3, 0), "a frame beyond the picture");
        byte[] gif = Pictures.gif(WIDTH, HEIGHT, noise(768), -1, new GifFrame(0, 0, WIDTH, HEIGHT, noise(PIXELS)));
        refused(Arrays.copyOf(gif, gif.length - 5), "the end of the file");
        refused(Pictures.gif(WIDTH, HEIGHT, noise(768), -1), "block 59");
        refused(Pictures.gif(9, 9, noise(768), -1, new GifFrame(0, 0, 9, 9, noise(50))), "OpenCV cannot decode");
        byte[] bmp = Pictures.written(Pictures.buffered(new Raster(WIDTH, HEIGHT)), "bmp");
        refused(Arrays.copyOf(bmp, bmp.length - 1), "the end of the file");
        bmp[28] = 16;
        refused(bmp, "a BMP of 16 bits");
    }
}
