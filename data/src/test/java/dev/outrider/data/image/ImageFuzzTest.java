package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.image.Pictures.GifFrame;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;

/**
 * Damaged and hostile files: each gives a tensor of the right shape or a Failure that names it, and the process lives
 * on within its memory.
 */
class ImageFuzzTest {
    private static final int EDGE = 24, FILES = 1500;
    private static final long MOST_PIXELS = 1_000_000, NATIVE_MB = 512;

    private enum Damage {
        CUT,
        FLIPPED,
        HEADER,
        HUGE,
        INSERTED,
        OTHER_MAGIC,
        NOISE
    }

    private static final List<String> MAGIC = List.of(
            "\u00ff\u00d8\u00ff\u00e0", PngFile.SIGNATURE, "RIFF\u0040\0\0\0WEBPVP8 ", "GIF89a", "BM", "II*\0", "RIFF");

    /** Whole files of every kind, by a fixed seed. */
    private static List<byte[]> whole() {
        RandomGenerator random = Seeds.generator(0);
        List<byte[]> files = new ArrayList<>();
        Raster noise = Pictures.noise(random, 31, 22);
        byte[] jpeg = Pictures.written(Pictures.buffered(noise), "jpg");
        files.add(jpeg);
        files.add(Pictures.jpegWithExif(jpeg, Pictures.exif(6, false)));
        files.add(Pictures.written(Pictures.buffered(Pictures.noise(random, 200, 3)), "jpg"));
        for (int colour : new int[] {0, 2, 4, 6}) {
            int channels = colour == 0 ? 1 : colour == 2 ? 3 : colour == 4 ? 2 : 4;
            files.add(Pictures.png(31, 22, 8, colour, random(random, channels * 31 * 22)));
            files.add(Pictures.png(31, 22, 16, colour, random(random, 2 * channels * 31 * 22)));
        }
        byte[] palette = Pictures.chunk("PLTE", random(random, 48)), exif = Pictures.exif(8, true);
        files.add(Pictures.png(31, 22, 4, 3, random(random, 16 * 22), palette, Pictures.chunk("eXIf", exif)));
        files.add(Pictures.png(1, 100_000, 1, 0, random(random, 100_000)));
        files.add(Pictures.png(100_000, 1, 1, 0, random(random, 12_500)));
        files.add(Pictures.riff(Pictures.losslessChunk(31, 22, 0x123456), Pictures.webpChunk("EXIF", exif)));
        files.add(Pictures.animated(31, 22, 4, 6, 9, 8, 0x123456));
        byte[] indices = random(random, 31 * 22);
        GifFrame frame = new GifFrame(0, 0, 31, 22, indices), part = new GifFrame(5, 6, 31, 22, indices);
        files.add(Pictures.gif(31, 22, random(random, 768), 5, frame, part));
        files.add(Pictures.gif(31, 22, random(random, 48), -1, part));
        files.add(Pictures.written(Pictures.buffered(noise), "gif"));
        files.add(Pictures.written(Pictures.buffered(noise), "bmp"));
        return files;
    }

    private static byte[] random(RandomGenerator random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    private static byte[] damaged(RandomGenerator random, Damage damage, byte[] whole) {
        byte[] file = whole.clone();
        int start = Math.min(file.length, 80);
        switch (damage) {
            case CUT -> file = Arrays.copyOf(file, random.nextInt(file.length));
            case FLIPPED -> flip(random, file, file.length, 1 + random.nextInt(8));
            case HEADER -> flip(random, file, start, 1 + random.nextInt(4));
            case HUGE -> Arrays.fill(file, random.nextInt(start), start, (byte) (random.nextBoolean() ? 0xff : 0x7f));
            case INSERTED -> {
                int at = random.nextInt(file.length);
                byte[] more = random(random, 1 + random.nextInt(20));
                file = Pictures.bytes(Arrays.copyOf(file, at), more, Arrays.copyOfRange(file, at, file.length));
            }
            case OTHER_MAGIC -> {
                String magic = MAGIC.get(random.nextInt(MAGIC.size()));
                file = Pictures.bytes(
                        magic, Arrays.copyOfRange(file, Math.min(file.length, magic.length()), file.length));
            }
            case NOISE -> file = Pictures.bytes(MAGIC.get(random.nextInt(MAGIC.size())), random(random, 300));
        }
        if (random.nextBoolean()) mendChecksums(file);
        return file;
    }

    private static void flip(RandomGenerator random, byte[] file, int below, int count) {
        for (int i = 0; i < count; i++) file[random.nextInt(below)] = (byte) random.nextInt(256);
    }

    /** So that damage to a PNG reaches the decoder. */
    private static void mendChecksums(byte[] file) {
        ImageBytes bytes = new ImageBytes("", file);
        if (!bytes.startsWith(0, PngFile.SIGNATURE)) return;
        for (long at = 8; at + 12 <= file.length && at + 12 + bytes.bigEndian32(at) <= file.length; ) {
            int length = (int) bytes.bigEndian32(at);
            CRC32 sum = new CRC32();
            sum.update(file, (int) at + 4, 4 + length);
            System.arraycopy(Pictures.big32((int) sum.getValue()), 0, file, (int) at + 8 + length, 4);
            at += 12 + length;
        }
    }

    private static void isNamed(Failure why) {
        assertThat(why.kind()).isEqualTo(Failure.Kind.DATA);
        assertThat(why.getMessage()).startsWith("fuzz").contains("found", "expected");
    }

    private static void isRight(LoadedImage image) {
        switch (image) {
            case LoadedImage.Decoded d -> {
                assertThat(List.of(
                                d.pixels().height(),
                                d.pixels().width(),
                                d.pixels().values().length))
                        .containsExactly(EDGE, EDGE, 3 * EDGE * EDGE);
                for (float value : d.pixels().values()) if (!(Math.abs(value) < 3)) throw new AssertionError(value);
            }
            case LoadedImage.Broken b -> isNamed(b.why());
            case LoadedImage.TooLarge t -> isNamed(t.why());
            case LoadedImage.Missing m -> throw new AssertionError(m);
        }
    }

    @Test
    void everyFileGivesATensorOrAName() {
        List<byte[]> whole = whole();
        ImageOptions options = ImageOptions.defaults().withMostPixels(MOST_PIXELS);
        ImageLoader[] loaders = {
            new ImageLoader(ImagePreprocessing.clip(EDGE), options),
            new ImageLoader(ImagePreprocessing.clip(EDGE), options.with(ImageAspect.PAD))
        };
        for (byte[] file : whole) assertThat(loaders[0].attempt("whole", file)).isInstanceOf(LoadedImage.Decoded.class);
        Set<String> fates = new TreeSet<>();
        Set<Damage> done = EnumSet.noneOf(Damage.class);
        long before = Pointer.totalBytes();
        Seeds.run(FILES, random -> {
            Damage damage = Damage.values()[random.nextInt(Damage.values().length)];
            byte[] file = damaged(random, damage, whole.get(random.nextInt(whole.size())));
            LoadedImage image = loaders[random.nextInt(2)].attempt("fuzz", file);
            isRight(image);
            fates.add(image.getClass().getSimpleName());
            done.add(damage);
        });
        if (Long.getLong("outrider.seed") != null) return;
        assertThat(fates).containsExactly("Broken", "Decoded", "TooLarge");
        assertThat(done).hasSize(Damage.values().length);
        assertThat(Pointer.totalBytes() - before).as("native bytes held").isLessThan(1 << 20);
        assertThat(Pointer.physicalBytes() >> 20)
                .as("MB of the process")
                .isLessThan((Runtime.getRuntime().maxMemory() >> 20) + NATIVE_MB);
    }
}
