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

    /** Texts of {@code time} random words each, every second learnt, with pictures in places of words, as many as may be in the first text. */
    public static Batch batch(
            RandomGenerator random, int vocabulary, int sequences, int time, int rows, int mostPictures) {
        List<Expansion.Text> texts = IntStream.range(0, sequences)
                .mapToObj(s -> text(random, vocabulary, time, s == 0 ? mostPictures : random.nextInt(mostPictures + 1)))
                .toList();
        return Expansion.of(texts, rows, Integer.MAX_VALUE, 0);
    }

    private static Expansion.Text text(RandomGenerator random, int vocabulary, int time, int pictures) {
        int[] ids = random.ints(time, 0, vocabulary).toArray();
        byte[] learnt = new byte[time];
        for (int i = 1; i < time; i++) learnt[i] = (byte) random.nextInt(2);
        for (int k = 0; k < pictures; k++) {
            int at = 1 + k * (time - 1) / pictures + random.nextInt((time - 1) / pictures);
            ids[at] = Picture.placeholder(k);
            learnt[at] = 0;
        }
        return new Expansion.Text("text", ids, learnt, null, of(random, pictures));
    }

    /** One text, all of whose words but the first are learnt. */
    public static Batch batch(int[] ids, List<Picture> pictures, int rows) {
        byte[] learnt = new byte[ids.length];
        for (int i = 1; i < ids.length; i++) learnt[i] = (byte) (ids[i] < 0 ? 0 : 1);
        return Expansion.of(
                List.of(new Expansion.Text("text", ids, learnt, null, pictures)), rows, Integer.MAX_VALUE, 0);
    }

    /** What an adapter reads of a picture, [N][towerWidth], in plain loops. */
    public static double[][] read(VisionConfig vision, String id, int grid) {
        float[] all = features(id, grid, vision.towerWidth());
        int c = vision.towerWidth(), s = vision.pool(), side = grid / s, first = vision.classToken() ? 1 : 0;
        double[][] rows = new double[first + side * side][c];
        for (int i = 0; i < c && first == 1; i++) rows[0][i] = all[i];
        for (int y = 0; y < side * s; y++) {
            for (int x = 0; x < side * s; x++) {
                double[] row = rows[first + y / s * side + x / s];
                for (int i = 0; i < c; i++) row[i] += all[(1 + y * grid + x) * c + i] / (double) (s * s);
            }
        }
        return rows;
    }
}
