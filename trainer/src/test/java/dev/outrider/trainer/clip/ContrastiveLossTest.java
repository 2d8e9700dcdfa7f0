package dev.outrider.trainer.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The loss and its gradients against its definition in double and central differences of that. */
class ContrastiveLossTest {
    private static final double STEP = 1e-5;

    private static CpuDevice device;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** A batch whose embeddings are given; what it found. */
    private static final class Case implements AutoCloseable {
        private final int size, width;
        private final PairBatch batch;
        private final float[] pictures, captions;
        private final double logScale;
        private final Buffer a, b;
        private final ContrastiveLoss loss;
        private final double found;

        Case(PairBatch batch, int width, float[] pictures, float[] captions, double logScale) {
            this.size = batch.size();
            this.width = width;
            this.batch = batch;
            this.pictures = pictures;
            this.captions = captions;
            this.logScale = logScale;
            a = held(pictures);
            b = held(captions);
            // Room for more than there is, as in the last batch of a validation.
            loss = new ContrastiveLoss(device, size + 3, width);
            found = loss.of(a, b, batch, logScale);
        }

        /** Random, with some equal captions and pictures where the batch is large enough. */
        static Case random(RandomGenerator random) {
            int size = 1 + random.nextInt(70), width = 1 + random.nextInt(20);
            PairBatch batch = batch(
                    IntStream.range(0, size).map(i -> random.nextInt(size)).toArray(), random.nextInt(2));
            float[] a = Seeds.normal(random, size * width, 2), b = Seeds.normal(random, size * width, 0.3);
            return new Case(batch, width, a, b, random.nextDouble(-1, 4.5));
        }

        private static Buffer held(float[] values) {
            Buffer buffer = device.allocate(DType.F32, values.length);
            device.upload(values, 0, buffer, values.length);
            return buffer;
        }

        double reference(double[] pictures, double[] captions, double logScale) {
            return ContrastiveLossReference.of(pictures, captions, batch, width, logScale);
        }

        float[][] gradients() {
            Buffer da = held(new float[size * width]), db = held(new float[size * width]);
            loss.gradients(da, db);
            float[][] both = {floats(da), floats(db)};
            device.free(da);
            device.free(db);
            return both;
        }

        private static float[] floats(Buffer buffer) {
            float[] values = new float[(int) buffer.elements()];
            device.download(buffer, values, 0, values.length);
            return values;
        }

        @Override
        public void close() {
            device.free(a);
            device.free(b);
            loss.close();
        }
    }

    /** Captions of one token, the given one; pictures in pairs that are one, or all different. */
    private static PairBatch batch(int[] captions, int shared) {
        int[][] tokens = IntStream.of(captions).mapToObj(c -> new int[] {1, c}).toArray(int[][]::new);
        long[] pictures =
                IntStream.range(0, captions.length).mapToLong(i -> i >> shared).toArray();
        return new PairBatch(new float[captions.length][], tokens, pictures);
    }

    private static double[] doubles(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    @Test
    void lossIsItsDefinition() {
        Seeds.run(30, random -> {
            try (Case c = Case.random(random)) {
                double expected = c.reference(doubles(c.pictures), doubles(c.captions), c.logScale);
                assertThat(c.found).isCloseTo(expected, within(1e-6 * (1 + Math.exp(c.logScale))));
            }
        });
    }

    @Test
    void gradientsAreSlopesOfTheDefinition() {
        Seeds.run(20, random -> {
            try (Case c = Case.random(random)) {
                double[] a = doubles(c.pictures), b = doubles(c.captions);
                double t = c.logScale;
                float[][] found = c.gradients();
                double scale = (c.reference(a, b, t + STEP) - c.reference(a, b, t - STEP)) / (2 * STEP);
                double tolerance = 1e-5 * (1 + Math.exp(t));
                assertThat(c.loss.logScaleGradient()).isCloseTo(scale, within(tolerance));
                assertThat(slope(found[0], a, random, x -> c.reference(x, b, t)))
                        .isLessThan(tolerance);
                assertThat(slope(found[1], b, random, x -> c.reference(a, x, t)))
                        .isLessThan(tolerance);
            }
        });
    }

    // How far the gradient's product with a random direction is from the slope there.
    private static double slope(
            float[] gradient, double[] at, RandomGenerator random, java.util.function.ToDoubleFunction<double[]> of) {
        double[] above = at.clone(), below = at.clone();
        double product = 0;
        for (int i = 0; i < at.length; i++) {
            double direction = random.nextGaussian() / Math.sqrt(at.length);
            above[i] += STEP * direction;
            below[i] -= STEP * direction;
            product += direction * gradient[i];
        }
        return Math.abs((of.applyAsDouble(above) - of.applyAsDouble(below)) / (2 * STEP) - product);
    }

    /** Pictures 0 and 1 with one caption: neither loss nor gradient of either knows of the other. */
    @Test
    void equalCaptionsAreNoNegativesOfEachOther() {
        float[] pictures = {1, 0, 0, 1, 1, 1}, captions = {1, 0, 1, 0, -1, 0};
        try (Case alike = new Case(batch(new int[] {5, 5, 6}, 0), 2, pictures, captions, 1);
                Case apart = new Case(batch(new int[] {4, 5, 6}, 0), 2, pictures, captions, 1)) {
            assertThat(alike.loss.leftOut()).isCloseTo(2.0 / 6, within(1e-12));
            assertThat(apart.loss.leftOut()).isZero();
            assertThat(alike.found).isLessThan(apart.found);
            // Picture 0 against captions 0 and 2 alone: logits e and -e.
            double e = Math.E;
            try (Case two =
                    new Case(batch(new int[] {5, 6}, 0), 2, new float[] {1, 0, 1, 1}, new float[] {1, 0, -1, 0}, 1)) {
                double first = Math.log1p(Math.exp(-2 * e));
                double second = Math.log1p(Math.exp(Math.sqrt(2) * e));
                double columns =
                        Math.log1p(Math.exp(e / Math.sqrt(2) - e)) + Math.log1p(Math.exp(-e + e / Math.sqrt(2)));
                assertThat(two.found).isCloseTo((first + second + columns) / 4, within(1e-6));
            }
        }
    }

    /** A picture with two captions: both are true of it. */
    @Test
    void captionsOfOnePictureAreNoNegativesOfEachOther() {
        PairBatch shared = batch(new int[] {4, 5, 6, 4}, 1);
        boolean[][] alike = new boolean[4][4];
        for (int i = 0; i < 4; i++) for (int j = 0; j < 4; j++) alike[i][j] = shared.alike(i, j);
        assertThat(alike).isDeepEqualTo(new boolean[][] {
            {true, true, false, true}, {true, true, false, false}, {false, false, true, true}, {true, false, true, true}
        });
    }

    /** All captions equal: there is nothing to tell apart, so nothing to learn. */
    @Test
    void whereAllAreAlikeThereIsNoLoss() {
        RandomGenerator random = Seeds.generator(1);
        PairBatch same = batch(new int[9], 0);
        try (Case c = new Case(same, 4, Seeds.normal(random, 36, 1), Seeds.normal(random, 36, 1), 2)) {
            assertThat(c.found).isCloseTo(0, within(1e-12));
            assertThat(c.loss.leftOut()).isEqualTo(1);
            assertThat(c.gradients()[0]).containsOnly(0);
            assertThat(c.loss.pictureAccuracy()).isEqualTo(1);
        }
    }

    @Test
    void accuracyCountsBothWays() {
        // Caption 0 is nearest to both pictures; picture 0 to caption 0, picture 1 to caption 1.
        float[] pictures = {1, 0, 1, 0.1f}, captions = {1, 0.02f, 0.1f, 1};
        try (Case c = new Case(batch(new int[] {3, 4}, 0), 2, pictures, captions, 2)) {
            assertThat(c.loss.pictureAccuracy()).isEqualTo(0.5);
            assertThat(c.loss.captionAccuracy()).isEqualTo(1);
        }
    }

    @Test
    void embeddingsOfNoLengthAreSurvived() {
        try (Case c = new Case(batch(new int[] {3, 4}, 0), 2, new float[4], new float[] {1, 0, 0, 1}, 2)) {
            assertThat(c.found).isCloseTo(Math.log(2), within(1e-9));
            for (float[] gradient : c.gradients())
                for (float g : gradient) assertThat(g).isFinite();
        }
    }
}
