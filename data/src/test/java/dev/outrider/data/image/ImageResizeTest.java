package dev.outrider.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Resampling;
import dev.outrider.checkpoints.Seeds;
import java.util.random.RandomGenerator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The resize against sums over whole rows in double precision. */
class ImageResizeTest {
    private static double kernel(Resampling filter, double x) {
        double t = Math.abs(x);
        if (filter == Resampling.BILINEAR) return Math.max(0, 1 - t);
        if (t >= 2) return 0;
        return t <= 1 ? 1.5 * t * t * t - 2.5 * t * t + 1 : -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2;
    }

    /** Weights of all input samples for one output sample. */
    private static double[] weights(Resampling filter, int in, long out, long sample) {
        double scale = (double) in / out, stretch = Math.max(1, scale), total = 0;
        double[] weights = new double[in];
        for (int i = 0; i < in; i++) total += weights[i] = kernel(filter, (i + 0.5 - (sample + 0.5) * scale) / stretch);
        for (int i = 0; i < in; i++) weights[i] /= total;
        return weights;
    }

    private static int size(RandomGenerator random) {
        return random.nextInt(random.nextBoolean() ? 5 : 60) + 1;
    }

    private static Raster resized(Raster in, Resampling filter, int width, int height) {
        return Resize.window(in, filter, width, height, 0, 0, width, height);
    }

    private static int level(Raster raster, int x, int y, int channel) {
        return raster.levels()[3 * (y * raster.width() + x) + channel] & 255;
    }

    @ParameterizedTest
    @EnumSource(Resampling.class)
    void aRowIsThatOfPlainArithmeticRounded(Resampling filter) {
        Seeds.run(60, random -> {
            Raster in = Pictures.noise(random, size(random), 2);
            Raster out = resized(in, filter, size(random), 2);
            for (int x = 0; x < out.width(); x++) {
                double[] weights = weights(filter, in.width(), out.width(), x);
                for (int row = 0; row < 6; row++) {
                    double sum = 0;
                    for (int i = 0; i < in.width(); i++) sum += weights[i] * level(in, i, row / 3, row % 3);
                    assertThat((double) level(out, x, row / 3, row % 3))
                            .isCloseTo(Math.clamp(sum, 0, 255), within(0.5001));
                }
            }
        });
    }

    private static Raster transposed(Raster in) {
        return in.upright(5);
    }

    @ParameterizedTest
    @EnumSource(Resampling.class)
    void columnsAreAsRows(Resampling filter) {
        Seeds.run(30, random -> {
            Raster in = Pictures.noise(random, size(random), size(random));
            int height = size(random);
            Raster out = resized(in, filter, in.width(), height);
            Raster other = transposed(resized(transposed(in), filter, height, in.width()));
            assertThat(out.levels()).containsExactly(other.levels());
        });
    }

    @ParameterizedTest
    @EnumSource(Resampling.class)
    void rowsAreRoundedBeforeColumns(Resampling filter) {
        Seeds.run(30, random -> {
            Raster in = Pictures.noise(random, size(random), size(random));
            int width = size(random), height = size(random);
            Raster rows = resized(in, filter, width, in.height());
            assertThat(resized(in, filter, width, height).levels())
                    .containsExactly(resized(rows, filter, width, height).levels());
        });
    }

    @ParameterizedTest
    @EnumSource(Resampling.class)
    void aWindowIsAPartOfTheWhole(Resampling filter) {
        Seeds.run(60, random -> {
            Raster in = Pictures.noise(random, size(random), size(random));
            int width = size(random), height = size(random);
            int left = random.nextInt(width), top = random.nextInt(height);
            int wide = 1 + random.nextInt(width - left), high = 1 + random.nextInt(height - top);
            byte[] whole = Resize.window(in, filter, width, height, 0, 0, width, height)
                    .levels();
            byte[] part = Resize.window(in, filter, width, height, left, top, wide, high)
                    .levels();
            for (int i = 0; i < part.length; i++) {
                int x = left + i / 3 % wide, y = top + i / 3 / wide;
                assertThat(part[i]).isEqualTo(whole[3 * (y * width + x) + i % 3]);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Resampling.class)
    void theSameSizeIsTheSamePicture(Resampling filter) {
        Seeds.run(10, random -> {
            Raster in = Pictures.noise(random, size(random), size(random));
            Raster out = Resize.window(in, filter, in.width(), in.height(), 0, 0, in.width(), in.height());
            assertThat(out.levels()).containsExactly(in.levels());
        });
    }
}
