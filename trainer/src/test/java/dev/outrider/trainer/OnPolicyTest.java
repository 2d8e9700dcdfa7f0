package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Provenance;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.speculate.Sampling;
import dev.outrider.trainer.layer.LlamaGraph;
import dev.outrider.trainer.loss.Distillation;
import dev.outrider.trainer.loss.TotalVariationPlus;
import dev.outrider.trainer.optim.Schedule;
import dev.outrider.trainer.telemetry.Metrics;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows that the draft writes: by its weights of the moment, cut, masked, kept over an interruption. */
final class OnPolicyTest {
    private static final int TIME = 20, BATCH = 4;
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

    private static ModelConfig shape() {
        return Shapes.all().findFirst().orElseThrow();
    }

    private LlamaGraph graph(long seed) {
        Path written = Shapes.write(folder.resolve("draft" + seed), shape(), device, DType.F32, seed);
        return new Initial.From(written, Optional.empty()).graph(device);
    }

    /** Two turns of a question and an answer, of random lengths; what is left over is padding. */
    private static Batch rows(long from, int count) {
        int[] tokens = new int[count * TIME];
        byte[] supervised = new byte[tokens.length];
        for (int r = 0; r < count; r++) {
            RandomGenerator random = Seeds.generator(from + r);
            int at = r * TIME, end = at + TIME - random.nextInt(3);
            for (int turn = 0; turn < 2; turn++) {
                int question = 2 + random.nextInt(3), answer = 3 + random.nextInt(3);
                for (int i = 0; i < question + answer && at < end; i++) {
                    supervised[at] = (byte) (i < question ? 0 : 1);
                    tokens[at++] = 8 + random.nextInt(Shapes.VOCABULARY - 8);
                }
            }
        }
        return Batch.nextToken(count, TIME, tokens, supervised);
    }

    private static OnPolicy.Settings settings(double share, OnPolicy.Start start, Sampling sampling, int ahead) {
        return new OnPolicy.Settings(share, start, sampling, TIME, ahead, 3, 5);
    }

    // ---- whose words ------------------------------------------------------------------------------

    @Test
    void theDraftGoesOnWithItsWeightsOfTheMoment() {
        try (LlamaGraph graph = graph(1);
                OnPolicy rows = new OnPolicy(
                        graph, device, OnPolicyTest::rows, settings(1, OnPolicy.Start.ANSWER, Sampling.GREEDY, 3))) {
            int[] before = rows.read(0, 3).tokens();
            checkGreedy(graph, rows(0, 3), rows.read(0, 3));
            change(graph);
            assertThat(rows.read(0, 3).tokens())
                    .as("rows that wait stay as they are")
                    .isEqualTo(before);
            Batch after = rows.read(3, 3);
            checkGreedy(graph, rows(3, 3), after);
            try (OnPolicy again = new OnPolicy(
                    graph, device, OnPolicyTest::rows, settings(1, OnPolicy.Start.ANSWER, Sampling.GREEDY, 3))) {
                Batch now = again.read(0, 3);
                checkGreedy(graph, rows(0, 3), now);
                assertThat(now.tokens()).as("other weights, other words").isNotEqualTo(before);
            }
        }
    }

    /** Every token that counts is the likeliest of the graph's own forward pass. */
    private static void checkGreedy(LlamaGraph graph, Batch given, Batch written) {
        for (int r = 0; r < written.sequences(); r++) {
            int[] tokens = Arrays.copyOfRange(written.tokens(), r * TIME, (r + 1) * TIME);
            float[] logits = Shapes.logits(graph, tokens);
            int seen = 0;
            for (int t = 0; t < TIME - 1; t++) {
                if (written.counted()[r * TIME + t] == 0) continue;
                assertThat(tokens[t + 1]).as("row " + r + ", position " + t).isEqualTo(likeliest(logits, t));
                seen++;
            }
            assertThat(seen).isPositive();
            for (int t = 0; t < first(written, r); t++) assertThat(tokens[t]).isEqualTo(given.tokens()[r * TIME + t]);
        }
    }

    private static int likeliest(float[] logits, int row) {
        int best = 0;
        for (int i = 0; i < Shapes.VOCABULARY; i++) {
            if (logits[row * Shapes.VOCABULARY + i] > logits[row * Shapes.VOCABULARY + best]) best = i;
        }
        return best;
    }

    private static void change(LlamaGraph graph) {
        Buffer p = graph.parameters();
        float[] values = new float[(int) p.elements()];
        device.download(p, values, 0, values.length);
        RandomGenerator random = Seeds.generator(9);
        for (int i = 0; i < values.length; i++) values[i] += (float) random.nextGaussian() * 0.1f;
        device.upload(values, 0, p, values.length);
    }

    @Test
    void tokensAreDrawnFromTheDraftsLaw() {
        int count = 3000;
        Source.Rows same = (from, n) -> {
            Batch one = rows(0, 1);
            int[] tokens = new int[n * TIME], labels = new int[n * TIME];
            byte[] counted = new byte[n * TIME];
            for (int r = 0; r < n; r++) {
                System.arraycopy(one.tokens(), 0, tokens, r * TIME, TIME);
                System.arraycopy(one.labels(), 0, labels, r * TIME, TIME);
                counted[r * TIME + 2] = 1;
            }
            return new Batch(n, TIME, tokens, labels, counted);
        };
        var settings = new OnPolicy.Settings(1, OnPolicy.Start.ANSWER, Sampling.temperature(1.5), 1, count, 64, 11);
        try (LlamaGraph graph = graph(2);
                OnPolicy rows = new OnPolicy(graph, device, same, settings)) {
            Batch written = rows.read(0, count);
            double[] found = new double[Shapes.VOCABULARY];
            for (int r = 0; r < count; r++) found[written.tokens()[r * TIME + 3]]++;
            double[] law = law(Shapes.logits(graph, Arrays.copyOf(written.tokens(), 3)), 2, 1.5);
            double chi = 0;
            for (int i = 0; i < law.length; i++) {
                double expected = Math.max(count * law[i], 1e-9);
                if (expected < 5) continue;
                chi += (found[i] - expected) * (found[i] - expected) / expected;
            }
            // 99.99 % of a chi-square of at most 40 degrees.
            assertThat(chi).isLessThan(85);
            assertThat(Arrays.stream(found).filter(n -> n > 0).count()).isGreaterThan(3);
        }
    }

    private static double[] law(float[] logits, int row, double temperature) {
        double[] law = new double[Shapes.VOCABULARY];
        for (int i = 0; i < law.length; i++) law[i] = Math.exp(logits[row * law.length + i] / temperature);
        double sum = Arrays.stream(law).sum();
        for (int i = 0; i < law.length; i++) law[i] /= sum;
        return law;
    }

    @Test
    void aDraftOfFewTokensSaysTheseByTheTargetsIds() {
        Path target = Shapes.write(folder.resolve("target"), shape(), device, DType.F32, 6);
        DraftVocabulary said = new DraftVocabulary(Shapes.VOCABULARY, new int[] {2, 7, 11, 12, 20, 33, 40});
        for (Sampling sampling : List.of(Sampling.GREEDY, Sampling.temperature(2))) {
            var settings = settings(1, OnPolicy.Start.ANSWER, sampling, 40);
            try (LlamaGraph graph = new Initial.LayersOf(target, List.of(0, 4), Optional.of(said)).graph(device);
                    OnPolicy rows = new OnPolicy(graph, device, OnPolicyTest::rows, settings)) {
                Batch written = rows.read(0, 40);
                Set<Integer> found = new TreeSet<>();
                for (int i = 0; i < written.positions(); i++) {
                    if (written.counted()[i] != 0) found.add(written.labels()[i]);
                }
                assertThat(found).hasSizeGreaterThan(1).isSubsetOf(2, 7, 11, 12, 20, 33, 40);
                if (sampling.greedy()) checkLikeliest(graph, said, written);
            }
        }
    }

    private static void checkLikeliest(LlamaGraph graph, DraftVocabulary said, Batch written) {
        int[] tokens = Arrays.copyOf(written.tokens(), TIME);
        Buffer out = device.allocate(DType.F32, (long) TIME * said.size());
        graph.logits(Shapes.batch(tokens), 0, TIME, out);
        float[] logits = new float[TIME * said.size()];
        device.download(out, logits, 0, logits.length);
        device.free(out);
        for (int t = first(written, 0) - 1; t < last(written, 0); t++) {
            int best = 0;
            for (int i = 0; i < said.size(); i++) {
                if (logits[t * said.size() + i] > logits[t * said.size() + best]) best = i;
            }
            assertThat(tokens[t + 1]).as("position " + t).isEqualTo(said.target(best));
        }
    }

    // ---- what counts ------------------------------------------------------------------------------

    @Test
    void maskLengthAndEndAreRight() {
        Set<Integer> starts = new TreeSet<>();
        int ended = 0, full = 0, rowsRead = 200;
        for (OnPolicy.Start start : OnPolicy.Start.values()) {
            var settings = new OnPolicy.Settings(1, start, Sampling.temperature(2), 7, rowsRead, 16, 3);
            try (LlamaGraph graph = graph(3);
                    OnPolicy rows = new OnPolicy(graph, device, OnPolicyTest::rows, settings)) {
                Batch given = rows(0, rowsRead), written = rows.read(0, rowsRead);
                for (int r = 0; r < rowsRead; r++) {
                    int first = first(written, r), last = last(written, r);
                    starts.add(first);
                    boolean end = shape().eosIds().contains(written.tokens()[r * TIME + last]);
                    checkRow(given, written, r, first, last, start);
                    if (end) ended++;
                    else {
                        assertThat(last - first + 1).isEqualTo(Math.min(7, TIME - first));
                        full++;
                    }
                }
            }
        }
        assertThat(ended).isGreaterThan(8);
        assertThat(full).isGreaterThan(20);
        assertThat(starts).hasSizeGreaterThan(8);
    }

    private static void checkRow(Batch given, Batch written, int r, int first, int last, OnPolicy.Start start) {
        int at = r * TIME;
        assertThat(given.counted()[at + first - 1]).as("begins in an answer").isEqualTo((byte) 1);
        if (start == OnPolicy.Start.ANSWER)
            assertThat(given.counted()[at + first - 2]).isZero();
        for (int t = 0; t < TIME; t++) {
            boolean inside = t >= first && t <= last;
            if (t > 0)
                assertThat(written.counted()[at + t - 1])
                        .as("row " + r + " token " + t)
                        .isEqualTo((byte) (inside ? 1 : 0));
            if (t < first) assertThat(written.tokens()[at + t]).isEqualTo(given.tokens()[at + t]);
            if (t > last) assertThat(written.tokens()[at + t]).as("padding").isEqualTo(shape().padId());
            if (inside && t < last) assertThat(shape().eosIds()).doesNotContain(written.tokens()[at + t]);
            if (inside) assertThat(written.labels()[at + t - 1]).isEqualTo(written.tokens()[at + t]);
        }
    }

    /** The first token that counts. */
    private static int first(Batch batch, int r) {
        int t = 0;
        while (batch.counted()[r * TIME + t] == 0) t++;
        return t + 1;
    }

    private static int last(Batch batch, int r) {
        int t = TIME - 1;
        while (batch.counted()[r * TIME + t] == 0) t--;
        return t + 1;
    }

    @Test
    void aShareOfTheRowsAndNoOthers() {
        try (LlamaGraph graph = graph(4);
                OnPolicy rows = new OnPolicy(
                        graph,
                        device,
                        OnPolicyTest::rows,
                        settings(0.3, OnPolicy.Start.ANSWER, Sampling.temperature(1), 50))) {
            int own = 0;
            for (long at = 0; at < 100; at += 5) {
                Batch given = rows(at, 5), written = rows.read(at, 5);
                for (int r = 0; r < 5; r++) {
                    boolean same = Arrays.equals(
                            given.part(r, r + 1).tokens(),
                            written.part(r, r + 1).tokens());
                    assertThat(same).as("row " + (at + r)).isEqualTo(!rows.own(at + r));
                    if (!same) own++;
                    else
                        assertThat(written.part(r, r + 1).counted())
                                .isEqualTo(given.part(r, r + 1).counted());
                }
            }
            assertThat(own).isEqualTo(30);
        }
    }

    @Test
    void refusesSettingsThatMakeNoSense() {
        assertThatThrownBy(() -> settings(0, OnPolicy.Start.ANSWER, Sampling.GREEDY, 1))
                .isInstanceOf(Failure.class);
        assertThatThrownBy(() -> settings(1, OnPolicy.Start.ANSWER, Sampling.GREEDY, 0))
                .isInstanceOf(Failure.class);
    }

    // ---- training ---------------------------------------------------------------------------------

    @Test
    void resumedEqualsUninterruptedBitForBit() {
        Path target = Shapes.write(folder.resolve("target"), shape(), device, DType.BF16, 8);
        Map<String, float[]> whole = trained(target, "whole", 12);
        for (int stop : new int[] {3, 4, 8}) trained(target, "parts", stop);
        Map<String, float[]> parts = trained(target, "parts", 12);
        assertThat(parts.keySet()).isEqualTo(whole.keySet());
        parts.forEach((name, values) -> assertThat(values).as(name).isEqualTo(whole.get(name)));
    }

    /** Refreshed every three steps; stopped in the middle of what was written ahead. */
    private Map<String, float[]> trained(Path target, String run, int stop) {
        Interruption interruption = new Interruption();
        var settings = settings(0.5, OnPolicy.Start.ANSWER, Sampling.temperature(1), 3 * BATCH);
        try (LlamaGraph graph = new Initial.LayersOf(target, List.of(0, 4)).graph(device);
                Teacher teacher = new TargetTeacher(Llama.open(target, device, TIME), device);
                Distillation loss = new Distillation(device, teacher, new TotalVariationPlus(), 1);
                OnPolicy rows = new OnPolicy(graph, device, OnPolicyTest::rows, settings);
                Trainer trainer =
                        trainer(graph, run, new Source("answers", stopping(rows, stop, interruption), loss, 1))) {
            assertThat(trainer.train("t", trainer.resume(), interruption).step())
                    .isEqualTo(stop);
            Map<String, float[]> weights = new HashMap<>();
            for (Tensor t : graph.tensors()) weights.put(t.name(), t.floats());
            return weights;
        } finally {
            interruption.close();
        }
    }

    private static Source.Rows stopping(OnPolicy rows, int stop, Interruption interruption) {
        return new Source.Rows() {
            @Override
            public Batch read(long from, int count) {
                if (from / BATCH + 1 == stop) interruption.request();
                return rows.read(from, count);
            }

            @Override
            public void save(Path file) {
                rows.save(file);
            }

            @Override
            public void restore(Path file) {
                rows.restore(file);
            }
        };
    }

    private Trainer trainer(LlamaGraph graph, String run, Source source) {
        Schedule schedule = new Schedule(Schedule.Shape.COSINE, 1e-2, 2, 12, 0.1);
        return new Trainer(
                graph,
                new TrainerOptions(12, BATCH, 2, schedule, 0.9, 0.95, 1e-8, 0.1, 1, 0, 7, 0, 0, 2, 0),
                List.of(source),
                Optional.empty(),
                new TrainerStore(folder.resolve(run), 2, Optional.empty(), Provenance.now("test", "", 7, "", "")),
                Metrics.none(),
                new PrintStream(OutputStream.nullOutputStream()));
    }
}
