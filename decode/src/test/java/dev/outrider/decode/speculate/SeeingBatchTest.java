package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.LlavaFiles.TowerTensors;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.SeeingModels;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Eyes;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.LlamaWeights;
import dev.outrider.decode.model.Llava;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.model.Sight;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Texts with pictures in a batch, against the model that sees, alone. */
class SeeingBatchTest {
    private static final int VOCABULARY = 300, CAPACITY = 160;
    private static final ClipConfig TOWER = new ClipConfig(26, 4, 3, 20, 30, 2, 2, 1e-5, Gelu.QUICK, DType.F32);

    @TempDir
    Path folder;

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final RandomGenerator random = Seeds.generator(11);
    private CpuDevice device;
    private LlamaWeights weights;
    private Vision vision;
    private Sight sight;

    private record Pixels(String id, float[] pixels) implements Picture {}

    @BeforeEach
    void open() {
        device = opened(new CpuDevice(2));
        LlavaFiles.writeTower(
                folder.resolve("tower"),
                new TowerTensors(TOWER, SeeingModels.tensors(TOWER, random)),
                DType.F32,
                Optional.empty());
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : opened.reversed()) one.close();
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    /** Pictures are of 36 patches, or of squares of {@code pool} x {@code pool} of these. */
    private void model(DType type, int pool, boolean classToken) {
        ModelConfig language = new ModelConfig(
                VOCABULARY,
                72,
                136,
                2,
                6,
                2,
                12,
                256,
                1e-5,
                10000,
                new RopeScaling.None(),
                false,
                false,
                false,
                1,
                List.of(2),
                type);
        VisionConfig config = new VisionConfig(
                TOWER.hiddenSize(),
                72,
                2,
                Gelu.EXACT,
                true,
                -2,
                classToken,
                VisionConfig.PLACEHOLDER,
                ImageAspect.PAD,
                pool,
                Optional.empty());
        Path written = folder.resolve("model-" + type + "-" + pool + "-" + classToken);
        LlavaFiles.write(
                written,
                language,
                BatchDecoderTest.tensors(language, random),
                new LlavaFiles.Eyes(config, SeeingModels.projector(config, random), Optional.empty()),
                type,
                Optional.empty(),
                Optional.empty());
        Checkpoint checkpoint = opened(Checkpoint.open(written));
        vision = checkpoint.vision().orElseThrow();
        vision.attach(folder.resolve("tower"));
        weights = opened(LlamaWeights.load(device, checkpoint));
        sight = opened(Sight.of(device, vision, 64));
    }

    private Llava alone() {
        return opened(new Llava(device, new Llama(device, weights, CAPACITY), vision, sight));
    }

    private int rows() {
        return vision.config().rows(TOWER);
    }

    private List<Picture> pictures(int count) {
        return IntStream.range(0, count)
                .mapToObj(i ->
                        (Picture) new Pixels("" + random.nextLong(), Seeds.normal(random, TOWER.pictureValues(), 1)))
                .toList();
    }

    // Words, and the pictures somewhere among them, two of them side by side now and then; or at the end.
    private int[] prompt(int words, int pictures) {
        List<Integer> prompt =
                new ArrayList<>(random.ints(words, 3, VOCABULARY).boxed().toList());
        for (int k = 0; k < pictures; k++) prompt.add(random.nextInt(prompt.size() + 1), 0);
        int[] ids = prompt.stream().mapToInt(id -> id).toArray();
        return Picture.numbered(ids, 0);
    }

    // Every kind of sampling, none, one or two of a few pictures, texts of every length, some of which fill the cache.
    private List<BatchRequest> requests(int count, List<Picture> all, int most) {
        List<BatchRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Picture> shown = random.ints(i % (most + 1), 0, all.size())
                    .mapToObj(all::get)
                    .toList();
            Sampling sampling = switch (i / 3 % 4) {
                case 0 -> Sampling.GREEDY;
                case 1 -> new Sampling(0.8, 0, 0.9, 0, 1);
                case 2 -> Sampling.temperature(1.3);
                default -> new Sampling(0.9, 20, 0.95, 0.01, 1.2);
            };
            Limits limits = new Limits(1 + random.nextInt(150), Set.of(2));
            requests.add(new BatchRequest(prompt(1 + random.nextInt(40), shown.size()), shown, sampling, limits, i));
        }
        return requests;
    }

    private BatchDecoder decoder(int slots) {
        return opened(new BatchDecoder(
                device,
                device.threads(),
                weights,
                Optional.of(new Eyes(vision, sight)),
                slots,
                CAPACITY,
                BatchDecoderTest.TOP));
    }

    private static Map<BatchRequest, BatchAnswer> answers(BatchDecoder decoder, List<BatchRequest> requests) {
        Map<BatchRequest, BatchAnswer> answers = new IdentityHashMap<>();
        decoder.run(
                requests.iterator(),
                answer -> assertThat(answers.put(answer.request(), answer)).isNull());
        assertThat(answers).hasSize(requests.size());
        return answers;
    }

    @ParameterizedTest
    @CsvSource({"F32, 1, false", "F32, 2, true", "BF16, 3, false", "F32, 6, false"})
    void textsAreTheModelsOwn(DType type, int pool, boolean classToken) {
        model(type, pool, classToken);
        List<Picture> all = pictures(12);
        List<BatchRequest> requests = requests(48, all, 2);
        Map<BatchRequest, BatchAnswer> answers = answers(decoder(7), requests);
        assertThat(sight.runs()).as("each picture once").isLessThanOrEqualTo(12);
        Llava alone = alone();
        for (BatchRequest request : requests) BatchDecoderTest.sameOrNear(alone, request, answers.get(request));
    }

    @Test
    void textsDoNotDependOnTheirCompanions() {
        model(DType.F32, 2, false);
        List<BatchRequest> requests = requests(60, pictures(8), 3);
        for (int slots : new int[] {3, 17}) {
            Map<BatchRequest, BatchAnswer> all = answers(decoder(slots), requests);
            List<BatchRequest> others = new ArrayList<>(requests);
            Collections.shuffle(others, new Random(slots));
            BatchDecoderTest.same(all, answers(decoder(slots), others));
            for (BatchRequest request : requests.subList(0, 8)) {
                BatchDecoderTest.same(all, answers(decoder(slots), List.of(request)));
            }
        }
    }

    @Test
    void lawsAreThoseThatTokensWereDrawnFrom() {
        model(DType.F32, 3, true);
        Llava alone = alone();
        answers(decoder(5), requests(12, pictures(4), 2)).forEach((request, answer) -> {
            alone.show(request.pictures());
            int[] own = alone.own(request.prompt());
            int[] text = IntStream.concat(Arrays.stream(own), Arrays.stream(answer.tokens()))
                    .toArray();
            float[] logits = new float[VOCABULARY];
            alone.truncate(0);
            for (int i = 0; i < text.length - 1; i++) {
                alone.read(text, i, 1, 1);
                alone.logits(0, logits);
                int t = i + 1 - own.length;
                if (t >= 0) BatchDecoderTest.agrees(logits, answer.laws(), BatchDecoderTest.TOP * t);
            }
        });
    }

    @Test
    void answersToOnePictureReadItOnce() {
        model(DType.F32, 1, false);
        int[] prompt = {1, 40, 41, 42, Picture.placeholder(0), 50, 51, 52};
        int read = prompt.length - 1 + rows() - 1;
        List<Picture> two = pictures(2);
        BatchDecoder decoder = decoder(4);
        List<BatchRequest> requests = questions(prompt, two.get(0), 12);
        Map<BatchRequest, BatchAnswer> first = answers(decoder, requests);
        assertThat(sight.runs()).as("the tower, for 12 answers").isEqualTo(1);
        assertThat(decoder.times().read()).isEqualTo(read);
        assertThat(decoder.times().shared()).isEqualTo(11L * read);

        List<BatchRequest> others = questions(prompt, two.get(1), 12);
        Map<BatchRequest, BatchAnswer> second = answers(decoder, others);
        assertThat(sight.runs()).isEqualTo(2);
        assertThat(decoder.times().read())
                .as("of another picture, only the words before it are known")
                .isEqualTo(2L * read - 4);
        BatchDecoderTest.same(second, answers(decoder(4), others));
        assertThat(IntStream.range(0, 12)
                        .filter(i -> Arrays.equals(
                                first.get(requests.get(i)).tokens(),
                                second.get(others.get(i)).tokens()))
                        .count())
                .as("answers that do not depend on the picture")
                .isZero();
    }

    private static List<BatchRequest> questions(int[] prompt, Picture picture, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new BatchRequest(
                        prompt, List.of(picture), Sampling.temperature(1), new Limits(12, Set.of()), i))
                .toList();
    }

    /** Prompts that begin together have more pictures than are kept; in the end each has its own all the same. */
    @Test
    void picturesInUseStay() {
        model(DType.F32, 3, false);
        List<Picture> all = pictures(60);
        List<BatchRequest> requests = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            int count = 3 + random.nextInt(7);
            List<Picture> shown = random.ints(0, 60)
                    .distinct()
                    .limit(count)
                    .mapToObj(all::get)
                    .toList();
            requests.add(new BatchRequest(
                    prompt(1 + random.nextInt(5), count), shown, Sampling.GREEDY, new Limits(9, Set.of()), i));
        }
        Map<BatchRequest, BatchAnswer> answers = answers(decoder(6), requests);
        Llava alone = alone();
        for (BatchRequest request : requests) {
            assertThat(answers.get(request).failure()).isEmpty();
            BatchDecoderTest.sameOrNear(alone, request, answers.get(request));
        }
    }

    @Test
    void whatCannotBeSeenFailsAlone() {
        model(DType.F32, 3, false);
        List<Picture> ten = pictures(10);
        Limits limits = new Limits(8, Set.of());
        int[] one = prompt(4, 1);
        List<BatchRequest> requests = List.of(
                new BatchRequest(prompt(4, 10), ten, Sampling.GREEDY, limits, 1),
                new BatchRequest(prompt(4, 2), ten.subList(0, 1), Sampling.GREEDY, limits, 1),
                new BatchRequest(one, List.of(new Pixels("small", new float[12])), Sampling.GREEDY, limits, 1),
                new BatchRequest(prompt(4, 9), ten, Sampling.GREEDY, limits, 1),
                new BatchRequest(one, ten.subList(3, 4), Sampling.GREEDY, limits, 1));
        Map<BatchRequest, BatchAnswer> answers = answers(decoder(1), requests);
        assertFails(answers.get(requests.get(0)), "10 different", "at most 9");
        assertFails(answers.get(requests.get(1)), "picture 2", "1 pictures");
        assertFails(answers.get(requests.get(2)), "picture small", "12 values");
        Llava alone = alone();
        for (BatchRequest request : requests.subList(3, 5)) {
            assertThat(answers.get(request).tokens()).hasSize(8);
            BatchDecoderTest.sameOrNear(alone, request, answers.get(request));
        }
    }

    private static void assertFails(BatchAnswer answer, String... why) {
        assertThat(answer.failure().orElseThrow()).hasMessageContainingAll(why);
        assertThat(answer.tokens()).isEmpty();
        assertThat(answer.laws().tokens()).isZero();
        assertThat(answer.finish()).isNull();
    }

    @Test
    void aPictureTakesItsRowsOfTheRoom() {
        model(DType.F32, 1, false);
        BatchDecoder decoder = decoder(2);
        int[] prompt = prompt(12, 4);
        assertThat(decoder.rows(prompt)).isEqualTo(12 + 4 * 36);
        decoder.check(prompt);
        assertThatThrownBy(() -> decoder.check(prompt(17, 4)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("161 tokens");
        var request = new BatchRequest(prompt, pictures(4), Sampling.GREEDY, new Limits(100, Set.of()), 1);
        BatchAnswer answer = answers(decoder, List.of(request)).get(request);
        assertThat(answer.tokens()).hasSize(CAPACITY - 156 + 1);
        assertThat(answer.finish()).isEqualTo(Generation.Finish.LENGTH);
    }

    @Test
    void aBlindModelLeavesPicturesOut() {
        model(DType.F32, 2, false);
        leavesPicturesOut(weights);
        try (BatchDecoder blind = new BatchDecoder(device, device.threads(), weights, 6, CAPACITY, 0)) {
            assertThat(blind.rows(new int[] {1, Picture.placeholder(0), 5})).isEqualTo(2);
            assertThatThrownBy(() -> blind.check(new int[] {Picture.placeholder(0)}))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("0 tokens");
        }
    }

    @Test
    void aBlindDraftThatSaysOnlySomeTokensLeavesPicturesOut() {
        ModelConfig config = ModelConfig.draft(VOCABULARY, 24, 40, 2, 2, 256, 1, 2);
        DraftVocabulary said = new DraftVocabulary(
                VOCABULARY, IntStream.range(0, 100).map(i -> 3 * i + 2).toArray());
        List<Tensor> tensors = new ArrayList<>(BatchDecoderTest.tensors(config.withOutputs(100), random));
        tensors.removeIf(t -> DraftVocabulary.NAMES.contains(t.name()));
        tensors.addAll(said.tensors());
        Path written = folder.resolve("pruned");
        HuggingFace.write(written, config.withOutputs(100), tensors, Optional.empty(), Optional.empty());
        leavesPicturesOut(opened(LlamaWeights.load(device, opened(Checkpoint.open(written)))));
    }

    private void leavesPicturesOut(LlamaWeights weights) {
        List<BatchRequest> seen = requests(24, pictures(5), 2);
        List<BatchRequest> words = seen.stream()
                .map(r -> new BatchRequest(Picture.left(r.prompt()), r.sampling(), r.limits(), r.seed()))
                .toList();
        try (BatchDecoder blind =
                new BatchDecoder(device, device.threads(), weights, 6, CAPACITY, BatchDecoderTest.TOP)) {
            Map<BatchRequest, BatchAnswer> answers = answers(blind, seen), expected = answers(blind, words);
            for (int i = 0; i < seen.size(); i++) {
                BatchAnswer answer = answers.get(seen.get(i)), other = expected.get(words.get(i));
                assertThat(answer.tokens()).isEqualTo(other.tokens());
                assertThat(answer.laws().logProbabilities())
                        .isEqualTo(other.laws().logProbabilities());
            }
        }
    }
}
