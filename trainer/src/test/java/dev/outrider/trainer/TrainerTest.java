package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.CrossEntropy;
import dev.outrider.trainer.optim.Schedule;
import dev.outrider.trainer.telemetry.Metrics;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The loop: pinned losses, accumulation, resuming, stopping. */
class TrainerTest {
    private static final int TIME = 24, VOCABULARY = 61, BATCH = 8;
    private static final ModelConfig SHAPE = new ModelConfig(
            VOCABULARY,
            32,
            48,
            2,
            4,
            2,
            8,
            64,
            1e-5,
            10000,
            new RopeScaling.None(),
            false,
            false,
            false,
            1,
            List.of(2),
            DType.F32);

    private static CpuDevice device;

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

    /** Rows of a small language that can be learnt: each token follows from the one before, with some noise. */
    private static Batch rows(long from, int count) {
        int[] tokens = new int[count * TIME];
        byte[] all = new byte[tokens.length];
        for (int r = 0; r < count; r++) {
            SplittableRandom random = new SplittableRandom(from + r);
            int token = random.nextInt(VOCABULARY);
            for (int t = 0; t < TIME; t++) {
                tokens[r * TIME + t] = token;
                all[r * TIME + t] = (byte) (random.nextInt(5) == 0 ? 0 : 1);
                token = random.nextInt(8) == 0 ? random.nextInt(VOCABULARY) : (token * 7 + 3) % VOCABULARY;
            }
        }
        return Batch.nextToken(count, TIME, tokens, all);
    }

    private static TrainerOptions options(long steps, int microBatch, long saveEvery, double rate, double spike) {
        return options(steps, microBatch, saveEvery, rate, spike, 0);
    }

    private static TrainerOptions options(
            long steps, int microBatch, long saveEvery, double rate, double spike, double dropout) {
        return new TrainerOptions(
                steps,
                BATCH,
                microBatch,
                new Schedule(Schedule.Shape.COSINE, rate, 2, steps, 0.1),
                0.9,
                0.95,
                1e-8,
                0.1,
                1,
                dropout,
                7,
                0,
                saveEvery,
                2,
                spike);
    }

    private Trainer trainer(LlamaGraph graph, TrainerOptions options, String run, Source.Rows rows, Metrics metrics) {
        TrainerStore store =
                new TrainerStore(folder.resolve(run), 2, Optional.empty(), Provenance.now("test", "", 7, "", ""));
        Source source = new Source("text", rows, new CrossEntropy(device.threads()), 1);
        return new Trainer(
                graph,
                options,
                List.of(source),
                Optional.empty(),
                store,
                metrics,
                new PrintStream(OutputStream.nullOutputStream()));
    }

    private List<Double> losses(int microBatch, long steps) {
        List<Double> out = new ArrayList<>();
        TrainerOptions options = options(steps, microBatch, 0, 1e-2, 0);
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Trainer trainer = trainer(graph, options, "pinned" + microBatch, TrainerTest::rows, Metrics.none())) {
            for (long s = 0; s < steps; s++) out.add(trainer.step(s).get("text/loss"));
        }
        return out;
    }

    // Values of this very configuration; they change only if the arithmetic of training does.
    @Test
    void lossesArePinnedAndIndependentOfTheMicroBatch() {
        List<Double> whole = losses(8, 12);
        assertThat(whole.getFirst()).isCloseTo(Math.log(VOCABULARY), within(0.1));
        double[] pinned = {
            4.105824, 4.112280, 3.903421, 3.624509, 3.433706, 3.235609, 3.129463, 3.056208, 2.957871, 2.830848,
            2.764786, 2.618175
        };
        for (int i = 0; i < pinned.length; i++)
            assertThat(whole.get(i)).as("step " + i).isCloseTo(pinned[i], within(2e-4));
        for (int micro : new int[] {4, 2, 1}) {
            List<Double> parts = losses(micro, 12);
            for (int i = 0; i < whole.size(); i++) {
                assertThat(parts.get(i))
                        .as("step " + i + ", micro-batch " + micro)
                        .isCloseTo(whole.get(i), within(2e-5));
            }
        }
    }

    /** One row in one pass, or in several, which would have its loss if they dropped the same; nothing is learnt. */
    @Test
    void everyStepAndEveryPassDropOthersAndAnotherRunTheSame() {
        List<Double> once = dropped("once", 1), again = dropped("again", 1), thrice = dropped("thrice", 3);
        assertThat(again).isEqualTo(once);
        assertThat(once.get(1)).isNotCloseTo(once.get(0), within(1e-4));
        assertThat(thrice.get(0)).isNotCloseTo(once.get(0), within(1e-4));
    }

    private List<Double> dropped(String run, int passes) {
        TrainerOptions options = options(2, 1, 0, 0, 0, 0.3);
        Batch row = rows(0, 1);
        Source.Rows same = (from, count) -> {
            int[] tokens = new int[passes * TIME];
            byte[] all = new byte[tokens.length];
            Arrays.fill(all, (byte) 1);
            for (int i = 0; i < tokens.length; i++) tokens[i] = row.tokens()[i % TIME];
            return Batch.nextToken(passes, TIME, tokens, all);
        };
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Trainer trainer = trainer(graph, options, run, same, Metrics.none())) {
            return List.of(trainer.step(0).get("text/loss"), trainer.step(1).get("text/loss"));
        }
    }

    /** Tokens that were read, not the padding behind them. */
    @Test
    void tokensAreCountedWithoutPadding() {
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Trainer trainer =
                        trainer(graph, options(2, BATCH, 0, 1e-2, 0), "counted", TrainerTest::rows, Metrics.none())) {
            Map<String, Double> values = trainer.step(0);
            Batch batch = rows(0, BATCH);
            assertThat(batch.needed()).isLessThan(batch.positions());
            assertThat(values.get("tokens_per_second") * values.get("seconds")).isCloseTo(batch.needed(), within(1e-6));
        }
    }

    private static Map<String, float[]> weights(LlamaGraph graph) {
        Map<String, float[]> out = new HashMap<>();
        for (Tensor t : graph.tensors()) out.put(t.name(), t.floats());
        return out;
    }

    /** Which elements are dropped follows from the seed and the step, and differs from pass to pass. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 0.2})
    void resumedEqualsUninterruptedBitForBit(double dropout) {
        TrainerOptions options = options(20, 4, 5, 1e-2, 0, dropout);
        Map<String, float[]> uninterrupted;
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Interruption never = new Interruption();
                Trainer trainer = trainer(graph, options, "whole", TrainerTest::rows, Metrics.none())) {
            assertThat(trainer.train("t", trainer.resume(), never).finished()).isTrue();
            uninterrupted = weights(graph);
        }
        Interruption stop = new Interruption();
        AtomicInteger reads = new AtomicInteger();
        Source.Rows stopping = (from, count) -> {
            if (reads.incrementAndGet() == 8) stop.request();
            return rows(from, count);
        };
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Trainer trainer = trainer(graph, options, "parts", stopping, Metrics.none())) {
            Trainer.Outcome outcome = trainer.train("t", trainer.resume(), stop);
            assertThat(outcome.finished()).isFalse();
            assertThat(outcome.step()).isEqualTo(8);
        }
        stop.close();
        // Other start weights: everything must come from the checkpoint.
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 8);
                Interruption never = new Interruption();
                Trainer trainer = trainer(graph, options, "parts", TrainerTest::rows, Metrics.none())) {
            long first = trainer.resume();
            assertThat(first).isEqualTo(8);
            Trainer.Outcome outcome = trainer.train("t", first, never);
            assertThat(outcome.step()).isEqualTo(20);
            assertThat(outcome.checkpoint()).isDirectoryContaining(p -> p.endsWith("model.safetensors"));
            assertThat(weights(graph))
                    .allSatisfy((name, w) -> assertThat(w).as(name).isEqualTo(uninterrupted.get(name)));
        }
    }

    @Test
    void killedRunGoesOnFromItsLastSave() throws Exception {
        TrainerOptions options = options(12, 8, 5, 1e-2, 0);
        Source.Rows dying = (from, count) -> {
            if (from / BATCH == 7) throw new IllegalStateException("killed");
            return rows(from, count);
        };
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Interruption never = new Interruption();
                Trainer trainer = trainer(graph, options, "killed", dying, Metrics.none())) {
            assertThatThrownBy(() -> trainer.train("t", 0, never)).hasMessage("killed");
        }
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 8);
                Trainer trainer = trainer(graph, options, "killed", TrainerTest::rows, Metrics.none())) {
            assertThat(trainer.resume()).isEqualTo(5);
        }
        assertThat(Files.exists(folder.resolve("killed/checkpoints/latest"))).isTrue();
    }

    @Test
    void notANumberStopsWithDiagnosisAndKeepsTheLastGoodCheckpoint() {
        TrainerOptions options = options(40, 8, 5, 1e-2, 3);
        List<Map<String, Double>> seen = new ArrayList<>();
        Metrics metrics = new Metrics() {
            @Override
            public void record(long step, Map<String, Double> values) {
                seen.add(values);
            }

            @Override
            public void close() {}
        };
        try (LlamaGraph graph = LlamaGraph.create(SHAPE, device, 7);
                Interruption never = new Interruption()) {
            Source.Rows poisoning = (from, count) -> {
                if (from / BATCH == 12) poison(graph.parameters());
                return rows(from, count);
            };
            try (Trainer trainer = trainer(graph, options, "diverged", poisoning, metrics)) {
                assertThatThrownBy(() -> trainer.train("t", 0, never))
                        .isInstanceOfSatisfying(
                                Failure.class, f -> assertThat(f.exitCode()).isEqualTo(4))
                        .message()
                        .contains("Last good checkpoint", "step-00000010");
            }
        }
        assertThat(seen).hasSize(12);
    }

    private static void poison(Buffer parameters) {
        device.upload(new float[] {Float.NaN}, 0, parameters.slice(3, 1), 1);
        for (long at = 0; at + 1000 < parameters.elements(); at += 1000) {
            device.upload(new float[] {Float.NaN}, 0, parameters.slice(at, 1), 1);
        }
    }

    @Test
    void sourcesShareTheBatchByTheirRatio() {
        Source nine = new Source("a", TrainerTest::rows, new CrossEntropy(device.threads()), 0.9);
        Source one = new Source("b", TrainerTest::rows, new CrossEntropy(device.threads()), 0.1);
        long a = 0, b = 0;
        for (long step = 0; step < 1000; step++) {
            assertThat(nine.position(step, 16)).isEqualTo(a);
            a += nine.count(step, 16);
            b += one.count(step, 16);
        }
        assertThat(a).isEqualTo(14400);
        assertThat(b).isEqualTo(1600);
    }
}
