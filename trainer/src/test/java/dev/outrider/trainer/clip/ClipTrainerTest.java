package dev.outrider.trainer.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImagePreprocessing;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Tower;
import dev.outrider.data.image.ImageLoader;
import dev.outrider.data.image.ImageOptions;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.Interruption;
import dev.outrider.trainer.layer.ClipGraph;
import dev.outrider.trainer.telemetry.Metrics;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loop on a toy: what it learns, that its seed decides, what it tells, how it ends. */
class ClipTrainerTest {
    private static final int BATCH = 64;
    private static final ClipShape SHAPE = new ClipShape(
            new ClipConfig(Squares.SIDE, 8, 3, 48, 96, 2, 4, 1e-5, Gelu.QUICK, DType.F32),
            new ModelConfig(
                    Squares.VOCABULARY,
                    48,
                    96,
                    2,
                    4,
                    4,
                    12,
                    8,
                    1e-5,
                    10_000,
                    new RopeScaling.None(),
                    false,
                    false,
                    false,
                    -1,
                    List.of(1),
                    DType.F32),
            32);
    private static final Pairs PAIRS = new Squares(0, 20_000), OTHERS = new Squares(1_000_000, 3 * BATCH + 5);

    private static CpuDevice device;

    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

    @TempDir
    Path folder;

    @BeforeAll
    static void open() {
        device = new CpuDevice(2);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private ClipTrainer trainer(ClipGraph graph, ClipOptions options, Pairs pairs, Metrics metrics) {
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        return new ClipTrainer(graph, options, pairs, Optional.of(OTHERS), metrics, out);
    }

    /** Keeps what was recorded. */
    private static final class Kept implements Metrics {
        private final List<Map<String, Double>> values = new ArrayList<>();

        @Override
        public void record(long step, Map<String, Double> values) {
            this.values.add(Map.copyOf(values));
        }

        @Override
        public void close() {}
    }

    @Test
    void learnsWhichCaptionIsTrueOfAPicture() {
        Kept kept = new Kept();
        ClipOptions options = ClipOptions.of(300, BATCH, 1e-3, 1);
        try (ClipGraph graph = ClipGraph.create(SHAPE, device, 1);
                Interruption never = new Interruption();
                ClipTrainer trainer = trainer(graph, options, PAIRS, kept)) {
            Map<String, Double> before = trainer.measure(OTHERS);
            assertThat(before.get("valid/caption_of_picture")).isLessThan(0.1);
            assertThat(before.get("valid/loss")).isCloseTo(Math.log(BATCH), within(3.0));
            ClipTrainer.Outcome outcome = trainer.train("tower", never);
            assertThat(outcome.finished()).isTrue();
            assertThat(outcome.steps()).isEqualTo(300);
            assertThat(outcome.validation()).isEqualTo(trainer.measure(OTHERS));
            assertThat(outcome.validation().get("valid/caption_of_picture")).isGreaterThan(0.8);
            assertThat(outcome.validation().get("valid/picture_of_caption")).isGreaterThan(0.8);
        }
        assertThat(kept.values).hasSize(301);
        assertThat(kept.values.get(299))
                .containsKeys("clip/loss", "clip/scale", "clip/left_out", "norm", "rate", "pairs_per_second");
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("300/300", "of 64 held-out captions");
    }

    @Test
    void theSeedDecidesAndNothingElse() {
        float[] once = weights(3), again = weights(3), other = weights(4);
        assertThat(again).isEqualTo(once);
        assertThat(other).isNotEqualTo(once);
    }

    // Of a model of one seed, after steps over pairs in another's order.
    private float[] weights(long seed) {
        try (ClipGraph graph = ClipGraph.create(SHAPE, device, 1);
                ClipTrainer trainer = trainer(graph, ClipOptions.of(5, 16, 1e-3, seed), PAIRS, Metrics.none())) {
            for (int step = 0; step < 5; step++) trainer.step(step);
            float[] values = new float[(int) graph.parameters().elements()];
            device.download(graph.parameters(), values, 0, values.length);
            return values;
        }
    }

    @Test
    void anInterruptedTrainingEndsWithItsStep() {
        try (ClipGraph graph = ClipGraph.create(SHAPE, device, 1);
                Interruption stop = new Interruption()) {
            Metrics stopping = new Metrics() {
                @Override
                public void record(long step, Map<String, Double> values) {
                    if (step == 3) stop.request();
                }

                @Override
                public void close() {}
            };
            try (ClipTrainer trainer = trainer(graph, ClipOptions.of(50, 8, 1e-3, 1), PAIRS, stopping)) {
                assertThat(trainer.train("tower", stop)).isEqualTo(new ClipTrainer.Outcome(3, false, Map.of()));
            }
        }
    }

    @Test
    void aTrainingThatDivergesSaysSo() {
        Pairs poisoned = new Pairs() {
            @Override
            public long size() {
                return PAIRS.size();
            }

            @Override
            public float[] pixels(long pair) {
                float[] pixels = PAIRS.pixels(pair);
                pixels[0] = Float.NaN;
                return pixels;
            }

            @Override
            public int[] caption(long pair) {
                return PAIRS.caption(pair);
            }
        };
        try (ClipGraph graph = ClipGraph.create(SHAPE, device, 1);
                ClipTrainer trainer = trainer(graph, ClipOptions.of(5, 8, 1e-3, 1), poisoned, Metrics.none())) {
            assertThatThrownBy(() -> trainer.step(0))
                    .isInstanceOfSatisfying(
                            Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.DIVERGED));
        }
    }

    @Test
    void refusesFewerPairsThanABatch() {
        try (ClipGraph graph = ClipGraph.create(SHAPE, device, 1)) {
            ClipOptions options = ClipOptions.of(5, 8, 1e-3, 1);
            assertThatThrownBy(() -> trainer(graph, options, new Squares(0, 7), Metrics.none()))
                    .isInstanceOf(Failure.class)
                    .hasMessageContainingAll("7", "at least a batch, 8");
        }
    }

    /** The device is asked for memory until the largest shape was seen, and never again. */
    @Test
    void aStepTakesNoMemory() {
        List<String> taken = new ArrayList<>();
        try (ClipGraph graph = ClipGraph.create(SHAPE, counting(taken), 1);
                ClipTrainer trainer = trainer(graph, ClipOptions.of(6, 16, 1e-3, 1), PAIRS, Metrics.none())) {
            trainer.step(0);
            assertThat(taken).isNotEmpty();
            taken.clear();
            for (int step = 1; step < 6; step++) trainer.step(step);
            trainer.measure(new Squares(0, 7));
            trainer.step(6);
            assertThat(taken).isEmpty();
        }
    }

    private static Device counting(List<String> taken) {
        return (Device) Proxy.newProxyInstance(
                ClipTrainerTest.class.getClassLoader(), new Class<?>[] {Device.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("allocate")) taken.add(arguments[1].toString());
                    try {
                        return method.invoke(device, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** Pictures that have the tower's size are read level by level: what was trained on is what a file of them gives. */
    @Test
    void theTowerIsWrittenWithThePreparationThatItWasTrainedOn() throws IOException {
        ImagePreprocessing prepared = ImagePreprocessing.clip(Squares.SIDE);
        Path written = folder.resolve("tower");
        try (ClipGraph graph = ClipGraph.create(SHAPE, device, 1)) {
            LlavaFiles.writeTower(
                    written,
                    graph.tower(),
                    DType.F32,
                    Optional.of(prepared),
                    Optional.of(Provenance.now("test", "", 1, "", "")));
        }
        try (Tower tower = Tower.open(written)) {
            ImagePreprocessing read = ImagePreprocessing.read(tower.path());
            assertThat(read).isEqualTo(prepared);
            ImageLoader loader = new ImageLoader(read, ImageOptions.defaults());
            Squares squares = new Squares(5, 9);
            float[] values =
                    loader.attempt("picture", png(squares.levels(2))).pixels().values();
            float[] trained = squares.pixels(2);
            assertThat(values).hasSameSizeAs(trained);
            for (int i = 0; i < values.length; i++) assertThat(values[i]).isCloseTo(trained[i], within(1e-6f));
        }
    }

    private static byte[] png(int[] levels) throws IOException {
        int side = Squares.SIDE, plane = side * side;
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < plane; i++) {
            image.setRGB(i % side, i / side, levels[i] << 16 | levels[plane + i] << 8 | levels[2 * plane + i]);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }
}
