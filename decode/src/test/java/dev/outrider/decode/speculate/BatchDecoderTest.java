package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.CausalModel;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BatchDecoderTest {
    private static final int VOCABULARY = 300, CAPACITY = 96;

    @TempDir
    Path folder;

    private CpuDevice device;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() {
        device.close();
    }

    @Test
    void textsAreTheDecodersOwn() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            try (Checkpoint checkpoint = Checkpoint.open(model(type));
                    LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                    Llama alone = new Llama(device, weights, CAPACITY)) {
                List<BatchRequest> requests = requests(30, 1);
                Map<BatchRequest, BatchAnswer> answers = answers(weights, 40, requests);
                for (BatchRequest request : requests) sameOrNear(alone, request, answers.get(request));
            }
        }
    }

    // Where the two part, either token must have been about as good: products are summed in another order.
    static void sameOrNear(CausalModel alone, BatchRequest request, BatchAnswer answer) {
        alone.show(request.pictures());
        Generation expected = new Decoder(alone)
                .autoregressive(request.prompt(), request.sampling(), request.limits(), request.seed(), Listener.NONE);
        int parted = Arrays.mismatch(expected.tokens(), answer.tokens());
        if (parted < 0) {
            assertThat(answer.finish()).isEqualTo(expected.finish());
            return;
        }
        assertThat(request.sampling().greedy())
                .as("sampled texts part at " + parted)
                .isTrue();
        float[] logits = new float[alone.vocabulary()];
        alone.truncate(0);
        int[] text = IntStream.concat(
                        Arrays.stream(alone.own(request.prompt())),
                        Arrays.stream(expected.tokens()).limit(parted))
                .toArray();
        alone.read(text, 0, text.length, 1);
        alone.logits(0, logits);
        float best = logits[expected.tokens()[parted]];
        assertThat(logits[answer.tokens()[parted]]).isCloseTo(best, within(1e-4f * Math.max(1, Math.abs(best))));
    }

    @Test
    void textsDoNotDependOnTheirCompanions() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            try (Checkpoint checkpoint = Checkpoint.open(model(type));
                    LlamaWeights weights = LlamaWeights.load(device, checkpoint)) {
                for (int slots : new int[] {5, 40, 64}) {
                    List<BatchRequest> requests = requests(100, 2);
                    Map<BatchRequest, BatchAnswer> all = answers(weights, slots, requests);
                    List<BatchRequest> others = new ArrayList<>(requests);
                    Collections.shuffle(others, new Random(slots));
                    same(all, answers(weights, slots, others));
                    same(all, answers(weights, slots, others.subList(0, 3)));
                }
            }
        }
    }

    @Test
    void beginningsAreReadOnceAndChangeNothing() {
        try (Checkpoint checkpoint = Checkpoint.open(model(DType.F32));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint)) {
            List<BatchRequest> requests = alike(40);
            Map<BatchRequest, BatchAnswer> together = new IdentityHashMap<>();
            try (BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, 8, CAPACITY, TOP)) {
                decoder.run(requests.iterator(), answer -> together.put(answer.request(), answer));
                long all =
                        requests.stream().mapToLong(r -> r.prompt().length - 1).sum();
                BatchDecoder.Times times = decoder.times();
                assertThat(times.read() + times.shared()).isEqualTo(all);
                assertThat(times.shared()).isGreaterThan(all / 2);
            }
            for (BatchRequest request : requests) same(together, answers(weights, 8, List.of(request)));
        }
    }

    // Beginnings of three texts, some of them with something behind.
    private static List<BatchRequest> alike(int count) {
        RandomGenerator random = Seeds.generator(6);
        int[][] openings = new int[3][];
        for (int i = 0; i < 3; i++) openings[i] = random.ints(60, 0, VOCABULARY).toArray();
        return IntStream.range(0, count)
                .mapToObj(i -> IntStream.concat(
                                Arrays.stream(openings[i % 3]).limit(30 + random.nextInt(31)),
                                random.ints(random.nextInt(3) * 5L, 0, VOCABULARY))
                        .toArray())
                .map(prompt -> new BatchRequest(
                        prompt, Sampling.temperature(1), new Limits(1 + random.nextInt(12), Set.of()), 7))
                .toList();
    }

    @Test
    void idsThatDoNotExistAreRefused() {
        try (Checkpoint checkpoint = Checkpoint.open(model(DType.F32));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, 4, CAPACITY, 0)) {
            for (int[] prompt : new int[][] {{1, VOCABULARY, 2}, {1, 2, VOCABULARY}}) {
                var request = new BatchRequest(prompt, Sampling.GREEDY, new Limits(2, Set.of()), 1);
                assertThatThrownBy(() -> decoder.run(List.of(request).iterator(), answer -> {}))
                        .isInstanceOf(Failure.class)
                        .hasMessageContaining("vocab_size");
            }
        }
    }

    static void same(Map<BatchRequest, BatchAnswer> expected, Map<BatchRequest, BatchAnswer> found) {
        found.forEach((request, answer) -> {
            BatchAnswer other = expected.get(request);
            assertThat(answer.tokens()).isEqualTo(other.tokens());
            assertThat(answer.laws().ids()).isEqualTo(other.laws().ids());
            assertThat(answer.laws().logProbabilities()).isEqualTo(other.laws().logProbabilities());
        });
    }

    @Test
    void lawsAreThoseThatTokensWereDrawnFrom() {
        try (Checkpoint checkpoint = Checkpoint.open(model(DType.F32));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                Llama alone = new Llama(device, weights, CAPACITY)) {
            answers(weights, 8, requests(10, 3)).forEach((request, answer) -> {
                int[] text = IntStream.concat(Arrays.stream(request.prompt()), Arrays.stream(answer.tokens()))
                        .toArray();
                assertThat(answer.laws().ids()).hasSize(TOP * answer.tokens().length);
                float[] logits = new float[VOCABULARY];
                alone.truncate(0);
                for (int i = 0; i < text.length - 1; i++) {
                    alone.read(text, i, 1, 1);
                    alone.logits(0, logits);
                    int t = i + 1 - request.prompt().length;
                    if (t >= 0) agrees(logits, answer.laws(), TOP * t);
                }
            });
        }
    }

    static void agrees(float[] logits, TopLaws laws, int at) {
        double[] sorted = IntStream.range(0, logits.length)
                .mapToDouble(i -> -logits[i])
                .sorted()
                .map(z -> -z)
                .toArray();
        double logSum =
                Math.log(Arrays.stream(sorted).map(z -> Math.exp(z - sorted[0])).sum()) + sorted[0];
        for (int j = 0; j < TOP; j++) {
            assertThat((double) laws.logProbabilities()[at + j]).isCloseTo(sorted[j] - logSum, within(1e-3));
            assertThat((double) logits[laws.ids()[at + j]]).isCloseTo(sorted[j], within(1e-3));
        }
    }

    @Test
    void aStepTakesEveryTextAToken() {
        try (Checkpoint checkpoint = Checkpoint.open(model(DType.F32));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, 4, CAPACITY, 0)) {
            List<BatchRequest> requests = IntStream.range(0, 8)
                    .mapToObj(
                            i -> new BatchRequest(new int[] {i}, Sampling.temperature(1), new Limits(10, Set.of()), i))
                    .toList();
            int[] tokens = new int[1];
            decoder.run(requests.iterator(), new BatchDecoder.Watch() {
                @Override
                public void answered(BatchAnswer answer) {
                    assertThat(answer.tokens()).hasSize(10);
                    assertThat(answer.finish()).isEqualTo(Generation.Finish.LENGTH);
                    assertThat(answer.failure()).isEmpty();
                }

                @Override
                public void stepped(int count) {
                    tokens[0] += count;
                }
            });
            assertThat(tokens[0]).isEqualTo(80);
            assertThat(decoder.times().passes()).isEqualTo(2 * 10);
        }
    }

    @Test
    void refusesPromptsWithoutRoom() {
        try (Checkpoint checkpoint = Checkpoint.open(model(DType.F32));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, 4, 10, 0)) {
            assertThatThrownBy(() -> decoder.check(new int[11]))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("11");
            assertThatThrownBy(() -> decoder.check(new int[0])).isInstanceOf(Failure.class);
            decoder.check(new int[10]);
        }
    }

    static List<Path> cases() {
        return Shared.cases("llama");
    }

    @ParameterizedTest
    @MethodSource("cases")
    @Tag("goldens")
    void goldensModelsSayTheSameInABatch(Path golden) {
        try (Checkpoint checkpoint = Checkpoint.open(golden.resolve("model"));
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                Llama alone = new Llama(device, weights, 60)) {
            RandomGenerator random = Seeds.generator(4);
            List<BatchRequest> requests = IntStream.range(0, 70)
                    .mapToObj(i -> new BatchRequest(
                            random.ints(1 + random.nextInt(20), 0, alone.vocabulary())
                                    .toArray(),
                            Sampling.GREEDY,
                            new Limits(30, Set.copyOf(checkpoint.config().eosIds())),
                            i))
                    .toList();
            Map<BatchRequest, BatchAnswer> answers = new IdentityHashMap<>();
            try (BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, 48, 60, 0)) {
                decoder.run(requests.iterator(), answer -> answers.put(answer.request(), answer));
            }
            for (BatchRequest request : requests) sameOrNear(alone, request, answers.get(request));
        }
    }

    static final int TOP = 6;

    private Map<BatchRequest, BatchAnswer> answers(LlamaWeights weights, int slots, List<BatchRequest> requests) {
        Map<BatchRequest, BatchAnswer> answers = new IdentityHashMap<>();
        try (BatchDecoder decoder = new BatchDecoder(device, device.threads(), weights, slots, CAPACITY, TOP)) {
            decoder.run(
                    requests.iterator(),
                    answer -> assertThat(answers.put(answer.request(), answer)).isNull());
        }
        assertThat(answers).hasSize(requests.size());
        return answers;
    }

    // Every kind of sampling, texts of every length, some of which fill the cache.
    private static List<BatchRequest> requests(int count, long seed) {
        RandomGenerator random = Seeds.generator(seed);
        List<BatchRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] prompt = random.ints(1 + random.nextInt(60), 0, VOCABULARY).toArray();
            Sampling sampling = switch (i % 4) {
                case 0 -> Sampling.GREEDY;
                case 1 -> new Sampling(0.8, 0, 0.9, 0, 1);
                case 2 -> Sampling.temperature(1.3);
                default -> new Sampling(0.9, 20, 0.95, 0.01, 1.2);
            };
            requests.add(new BatchRequest(prompt, sampling, new Limits(1 + random.nextInt(60), Set.of(2)), i));
        }
        return requests;
    }

    private Path model(DType type) {
        ModelConfig config = new ModelConfig(
                VOCABULARY,
                72,
                136,
                2,
                6,
                2,
                12,
                128,
                1e-5,
                10000,
                new RopeScaling.None(),
                false,
                false,
                false,
                1,
                List.of(2),
                type);
        Path written = folder.resolve("model-" + type);
        HuggingFace.write(written, config, tensors(config, Seeds.generator(5)), Optional.empty(), Optional.empty());
        return written;
    }

    // Matrices that keep the size of what they multiply, so that rounding does not grow from layer to layer.
    static List<Tensor> tensors(ModelConfig config, RandomGenerator random) {
        return Models.tensors(config, random).stream()
                .map(t -> {
                    long[] shape = t.shape();
                    double scale = shape.length == 1 ? 1 : 2 / Math.sqrt(shape[1]);
                    return t.dtype() == DType.F32
                            ? Tensor.of(t.name(), Seeds.normal(random, (int) t.elements(), scale), shape)
                            : t;
                })
                .toList();
    }
}
