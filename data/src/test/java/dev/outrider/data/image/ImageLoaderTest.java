package dev.outrider.data.image;

import static dev.outrider.data.image.Pictures.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.ImagePreprocessing.Exact;
import dev.outrider.checkpoints.ImagePreprocessing.ShortestEdge;
import dev.outrider.checkpoints.ImagePreprocessing.Size;
import dev.outrider.checkpoints.Resampling;
import dev.outrider.checkpoints.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageLoaderTest {
    private static final ImageOptions OPTIONS = ImageOptions.defaults();

    @TempDir
    Path folder;

    /** No rescaling, no normalisation: values are levels. */
    private static ImagePreprocessing levels(Size size, Exact crop) {
        return new ImagePreprocessing(
                size != null,
                size != null ? size : new ShortestEdge(1),
                Resampling.BICUBIC,
                crop != null,
                crop != null ? crop : new Exact(1, 1),
                false,
                1,
                false,
                List.of(0.5, 0.25, 1.0),
                List.of(1.0, 1.0, 1.0),
                true);
    }

    private static Pixels load(ImagePreprocessing settings, ImageOptions options, byte[] file) {
        return new ImageLoader(settings, options).attempt("picture", file).pixels();
    }

    private static Raster noise(int width, int height) {
        return Pictures.noise(Seeds.generator(3), width, height);
    }

    private static float value(Pixels pixels, int channel, int x, int y) {
        return pixels.values()[(channel * pixels.height() + y) * pixels.width() + x];
    }

    private static int level(Raster raster, int channel, int x, int y) {
        return raster.levels()[3 * (y * raster.width() + x) + channel] & 255;
    }

    /** The window's place counts rows and columns of the resized picture; (h - crop) // 2 rounds down, also below 0. */
    @ParameterizedTest
    @CsvSource({"10, 8, 4, 2, 3, 3", "9, 7, 4, 4, 2, 1", "4, 9, 9, 3, -3, 3", "5, 5, 8, 8, -2, -2", "6, 6, 6, 6, 0, 0"})
    void theMiddleIsCutOutAndZerosLieAround(int width, int height, int wide, int high, int left, int top) {
        Raster picture = noise(width, height);
        Pixels cut = load(levels(null, new Exact(high, wide)), OPTIONS, Pictures.png(picture));
        assertThat(cut.width()).isEqualTo(wide);
        assertThat(cut.height()).isEqualTo(high);
        for (int i = 0; i < 3 * wide * high; i++) {
            int c = i / wide / high, x = i % wide + left, y = i / wide % high + top;
            boolean inside = x >= 0 && x < width && y >= 0 && y < height;
            assertThat(cut.values()[i]).isEqualTo(inside ? level(picture, c, x, y) : 0);
        }
    }

    /** int(20 * 31 / 7) = 88, which rounding would make 89. */
    @Test
    void theShortestEdgeIsExactAndTheOtherTruncated() {
        Pixels wide = load(levels(new ShortestEdge(20), null), OPTIONS, Pictures.png(noise(31, 7)));
        assertThat(new int[] {wide.width(), wide.height()}).containsExactly(88, 20);
        Pixels high = load(levels(new ShortestEdge(20), null), OPTIONS, Pictures.png(noise(7, 31)));
        assertThat(new int[] {high.width(), high.height()}).containsExactly(20, 88);
    }

    @Test
    void bothEdgesCanBeGiven() {
        Raster picture = noise(31, 7);
        Pixels pixels = load(levels(new Exact(20, 10), null), OPTIONS, Pictures.png(picture));
        Raster resized = Resize.window(picture, Resampling.BICUBIC, 10, 20, 0, 0, 10, 20);
        assertThat(new int[] {pixels.width(), pixels.height()}).containsExactly(10, 20);
        assertThat(value(pixels, 2, 3, 17)).isEqualTo(level(resized, 2, 3, 17));
    }

    @Test
    void nothingIsDoneWhereNothingIsAskedFor() {
        Raster picture = noise(6, 5);
        Pixels pixels = load(levels(null, null), OPTIONS, Pictures.png(picture));
        for (int i = 0; i < 90; i++)
            assertThat(pixels.values()[i]).isEqualTo(level(picture, i / 30, i % 6, i % 30 / 6));
    }

    /** 127, 63, 255: the mean, truncated; the picture lies in the middle, the odd row after it. */
    @ParameterizedTest
    @CsvSource({"6, 3, 0, 1", "3, 6, 1, 0", "4, 4, 0, 0"})
    void paddingMakesASquareOfTheMeanColour(int width, int height, int left, int top) {
        Raster picture = noise(width, height);
        Pixels square = load(levels(null, null), OPTIONS.with(ImageAspect.PAD), Pictures.png(picture));
        int edge = Math.max(width, height);
        assertThat(new int[] {square.width(), square.height()}).containsExactly(edge, edge);
        for (int i = 0; i < square.values().length; i++) {
            int c = i / edge / edge, x = i % edge - left, y = i / edge % edge - top;
            boolean inside = x >= 0 && x < width && y >= 0 && y < height;
            assertThat(square.values()[i]).isEqualTo(inside ? level(picture, c, x, y) : new int[] {127, 63, 255}[c]);
        }
    }

    @Test
    void orientationIsAppliedUnlessItIsNotWanted() {
        Raster picture = noise(6, 5);
        byte[] file = Pictures.png(6, 5, 8, 2, picture.levels(), Pictures.chunk("eXIf", Pictures.exif(6, true)));
        Pixels upright = load(levels(null, null), OPTIONS, file);
        Pixels lying = load(levels(null, null), OPTIONS.withUpright(false), file);
        assertThat(new int[] {upright.width(), upright.height()}).containsExactly(5, 6);
        assertThat(value(upright, 1, 4, 0)).isEqualTo(level(picture, 1, 0, 0));
        assertThat(new int[] {lying.width(), lying.height()}).containsExactly(6, 5);
        assertThat(value(lying, 1, 4, 0)).isEqualTo(level(picture, 1, 4, 0));
    }

    @Test
    void levelsAreRescaledAndNormalisedInFloat() {
        Pixels pixels = load(ImagePreprocessing.clip(4), OPTIONS, Pictures.png(Raster.filled(4, 4, 0x0180ff)));
        float r = ((float) (1 * (1 / 255.0)) - 0.48145466f) / 0.26862954f;
        float g = ((float) (128 * (1 / 255.0)) - 0.4578275f) / 0.26130258f;
        float b = (1 - 0.40821073f) / 0.27577711f;
        assertThat(List.of(value(pixels, 0, 1, 1), value(pixels, 1, 2, 1), value(pixels, 2, 0, 3)))
                .containsExactly(r, g, b);
    }

    // ---- what becomes of files --------------------------------------------------------------------------------------

    private LoadedImage attempt(String name, byte[] file) throws IOException {
        Path path = Files.write(folder.resolve(name), file);
        return new ImageLoader(ImagePreprocessing.clip(8), OPTIONS.withMostPixels(10_000)).attempt(path);
    }

    @Test
    void filesAreDecodedMissingBrokenOrTooLarge() throws IOException {
        ImageLoader loader = new ImageLoader(ImagePreprocessing.clip(8), OPTIONS);
        Path absent = folder.resolve("absent.png");
        assertThat(loader.attempt(absent)).isInstanceOfSatisfying(LoadedImage.Missing.class, m -> {
            assertThat(m.why()).hasMessageContainingAll("absent.png", "no such file");
            assertThat(m.why().exitCode()).isEqualTo(3);
        });
        assertThatThrownBy(() -> loader.load(absent)).isInstanceOf(Failure.class);
        assertThat(attempt("good.png", Pictures.png(noise(100, 100)))).isInstanceOf(LoadedImage.Decoded.class);
        assertThat(attempt("bad.png", bytes("Hello, world")))
                .isInstanceOfSatisfying(
                        LoadedImage.Broken.class, b -> assertThat(b.why()).hasMessageContaining("bad.png"));
        assertThat(attempt("large.png", Pictures.png(noise(100, 101))))
                .isInstanceOfSatisfying(
                        LoadedImage.TooLarge.class,
                        t -> assertThat(t.why()).hasMessageContainingAll("large.png", "100x101", "10000"));
    }

    @Test
    void aFolderIsNoImage() {
        ImageLoader loader = new ImageLoader(ImagePreprocessing.clip(8), OPTIONS);
        assertThatThrownBy(() -> loader.attempt(folder))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("directory");
    }

    /** A few bytes that would be gigabytes: refused from the header, by name. */
    @Test
    void bombsAreRefusedUndecoded() {
        ImageLoader loader = new ImageLoader(ImagePreprocessing.clip(8), OPTIONS);
        byte[] png = bytes(
                PngFile.SIGNATURE,
                Pictures.header(50_000, 50_000, 16, 6),
                Pictures.chunk("IDAT", Pictures.deflated(new byte[1 << 20])),
                Pictures.chunk("IEND", new byte[0]));
        byte[] webp = Pictures.riff(Pictures.losslessChunk(16383, 16383, 0));
        byte[] gif = Pictures.gif(65535, 65535, new byte[6], -1, new Pictures.GifFrame(0, 0, 1, 1, new byte[1]));
        byte[] animation = Pictures.animated(1 << 24, 1 << 24, 0, 0, 1, 1, 0);
        byte[] thin = Pictures.png(1 << 21, 1, 1, 0, new byte[1 << 18]);
        for (byte[] bomb : List.of(png, webp, gif, animation, thin))
            assertThat(loader.attempt("bomb", bomb)).isInstanceOf(LoadedImage.TooLarge.class);
    }

    /** The resized picture would have 8 x 800,000 pixels, its square 10 billion. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void veryLongPicturesAreCutFromTheirMiddleButNotPadded(boolean wide) {
        int length = 100_000;
        Raster picture = noise(wide ? length : 1, wide ? 1 : length);
        byte[] file = Pictures.png(picture);
        Pixels pixels = load(levels(new ShortestEdge(8), new Exact(8, 8)), OPTIONS, file);
        // Eight pixels of the result are one of the picture: the middle lies between two of them.
        for (int c = 0; c < 3; c++) {
            int before = level(picture, c, wide ? length / 2 - 1 : 0, wide ? 0 : length / 2 - 1);
            int after = level(picture, c, wide ? length / 2 : 0, wide ? 0 : length / 2);
            int sum = before > after ? 1 : -1;
            assertThat(sum * (value(pixels, c, 0, 0) - value(pixels, c, 7, 7))).isPositive();
        }
        ImageLoader padding = new ImageLoader(ImagePreprocessing.clip(8), OPTIONS.with(ImageAspect.PAD));
        assertThat(padding.attempt("long", file)).isInstanceOf(LoadedImage.TooLarge.class);
        ImageLoader whole = new ImageLoader(levels(new ShortestEdge(800), null), OPTIONS);
        assertThat(whole.attempt("long", file))
                .isInstanceOfSatisfying(
                        LoadedImage.TooLarge.class, t -> assertThat(t.why()).hasMessageContaining("64000000000"));
    }

    @Test
    void limitsThatCannotBeAreRefused() {
        assertThatThrownBy(() -> OPTIONS.withMostPixels(0)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> OPTIONS.withMostPixels(1L << 40)).isInstanceOf(Failure.class);
    }

    @Test
    void oneLoaderServesManyThreads() {
        ImageLoader loader = new ImageLoader(ImagePreprocessing.clip(16), OPTIONS);
        byte[] file = Pictures.written(Pictures.buffered(noise(40, 30)), "jpg");
        float[] one = loader.attempt("picture", file).pixels().values();
        assertThat(IntStream.range(0, 200).parallel().mapToObj(i -> loader.attempt("picture", file)))
                .allSatisfy(image -> assertThat(image.pixels().values()).containsExactly(one));
    }
}
