package dev.outrider.trainer;

import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.model.Features;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Pictures without pixels, whose features follow from their names. */
public final class TestPictures {
    private TestPictures() {}

    /** A picture that only a {@link #sight} sees something of. */
    private record Named(String id) implements Picture {
        @Override
        public float[] pixels() {
            throw new UnsupportedOperationException(id);
        }
    }

    public static Picture named(String id) {
        return new Named(id);
    }

    public static List<Picture> of(RandomGenerator random, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> named("picture-" + random.nextInt(1000)))
                .toList();
    }

    /** Features [grid² + 1, channels] of a picture. */
    public static float[] features(String id, int grid, int channels) {
        return Seeds.normal(Seeds.generator(id.hashCode()), (grid * grid + 1) * channels, 1);
    }

    public static Sight sight(Device device, int grid, int channels, int kept) {
        return new Sight(
                device,
                new Features() {
                    @Override
                    public int rows() {
                        return grid * grid + 1;
                    }

                    @Override
                    public int channels() {
                        return channels;
                    }

                    @Override
                    public int grid() {
                        return grid;
                    }

                    @Override
                    public void of(Picture picture, Buffer into) {
                        float[] values = features(picture.id(), grid, channels);
                        device.upload(values, 0, into, values.length);
                    }

                    @Override
                    public void close() {}
                },
                kept);
    }

    /** How an adapter of some shape sees. */
    public static VisionConfig vision(
            int towerWidth, int width, int matrices, Gelu activation, boolean bias, boolean classToken, int pool) {
        return new VisionConfig(
                towerWidth,
                width,
                matrices,
                activation,
                bias,
                -2,
                classToken,
                VisionConfig.PLACEHOLDER,
                ImageAspect.SQUARE,
                pool,
                Optional.of("tower"));
    }

    /** A kind that the LLaVA repository's layout can name. */
    public static VisionConfig plain(int towerWidth, int width) {
        return vision(towerWidth, width, 2, Gelu.EXACT, true, false, 1);
    }
}
