package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.ClipConfig;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Gelu;
import dev.outrider.checkpoints.ImageAspect;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.LlavaFiles.TowerTensors;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.SeeingModels;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Tower;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Drafter;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.NeuralDraft;
import dev.outrider.decode.speculate.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random models that see, with drafts of other shapes that read the same tower, all of it or squares of patches. */
class LlavaTest {
    private static final int VOCABULARY = 60, CAPACITY = 400;
    private static final ClipConfig TOWER = new ClipConfig(26, 4, 3, 20, 30, 3, 2, 1e-5, Gelu.QUICK, DType.F32);

    @TempDir
    Path folder;

    private final List<AutoCloseable> opened = new ArrayList<>();
    private RandomGenerator random;
    private CpuDevice device;
    private Tower tower;

    @BeforeEach
    void open() {
        random = Seeds.generator(1);
        device = opened(new CpuDevice(2));
        LlavaFiles.writeTower(
                folder.resolve("tower"),
                new TowerTensors(TOWER, SeeingModels.tensors(TOWER, random)),
                DType.F32,
                Optional.empty());
        tower = opened(Tower.open(folder.resolve("tower")));
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : opened.reversed()) one.close();
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    /** A model whose pictures are squares of {@code pool} x {@code pool} patches. */
    private Checkpoint model(String name, int hidden, int pool) {
        ModelConfig language = ModelConfig.draft(VOCABULARY, hidden, 3 * hidden, 2, 2, 2 * CAPACITY, 1, 2);
        VisionConfig vision = new VisionConfig(
                TOWER.hiddenSize(),
                hidden,
                2,
                Gelu.EXACT,
                true,
                -2,
                false,
                VisionConfig.PLACEHOLDER,
                ImageAspect.PAD,
                pool,
                Optional.empty());
        LlavaFiles.Eyes eyes = new LlavaFiles.Eyes(vision, SeeingModels.projector(vision, random), Optional.empty());
        LlavaFiles.write(
                folder.resolve(name),
                language,
                Models.tensors(language, random),
                eyes,
                DType.F32,
                Optional.empty(),
                Optional.empty());
        return opened(Checkpoint.open(folder.resolve(name)));
    }

    private Sight sight(int kept) {
        return opened(new Sight(device, new ClipTower(device, tower, TOWER.layers() - 1), kept));
    }

    private Llama language(Checkpoint checkpoint) {
        return new Llama(device, opened(LlamaWeights.load(device, checkpoint)), CAPACITY);
    }

    private Llava llava(Checkpoint checkpoint, Sight sight) {
        return opened(
                new Llava(device, language(checkpoint), checkpoint.vision().orElseThrow(), sight));
    }

    private record Pixels(String id, float[] pixels) implements Picture {}

    private List<Picture> pictures(int count) {
        return IntStream.range(0, count)
                .mapToObj(i ->
                        (Picture) new Pixels("" + random.nextLong(), Seeds.normal(random, TOWER.pictureValues(), 1)))
                .toList();
    }

    private int[] prompt(int pictures) {
        int[] prompt = random.ints(6 + 4 * pictures, 3, VOCABULARY).toArray();
        // The first straight after the begin token, two side by side.
        for (int k = 0; k < pictures; k++) prompt[1 + k] = Picture.placeholder(k);
        prompt[0] = 1;
        return prompt;
    }

    @Test
    void speculativeTextIsTheTargetsOwn() {
        Sight sight = sight(8);
        Llava target = llava(model("target", 24, 1), sight);
        List<Drafter> drafts = List.of(
                new NeuralDraft(llava(model("whole", 16, 1), sight), 1),
                new NeuralDraft(llava(model("squares", 16, 2), sight), 1),
                new NeuralDraft(opened(language(model("blind", 16, 1))), 1));
        for (int count = 0; count <= 2; count++) {
            List<Picture> pictures = pictures(count);
            int[] prompt = prompt(count);
            target.show(pictures);
            int[] alone = new Decoder(target)
                    .autoregressive(prompt, Sampling.GREEDY, limits(), 0, Listener.NONE)
                    .tokens();
            for (Drafter draft : drafts) {
                draft.show(pictures);
                for (int gamma : new int[] {1, 4, 9}) {
                    Generation helped = new Decoder(target)
                            .speculative(prompt, draft, gamma, Sampling.GREEDY, limits(), 0, Listener.NONE);
                    assertThat(helped.tokens())
                            .as("%d pictures, γ %d", count, gamma)
                            .isEqualTo(alone);
                }
            }
        }
        assertThat(sight.runs()).as("one for each picture, whoever looks").isEqualTo(3);
    }

    private static Limits limits() {
        return new Limits(40, Set.of());
    }

    @Test
    void aPictureTakesAsManyRowsAsThereAreSquares() {
        Sight sight = sight(1);
        int grid = TOWER.grid();
        assertThat(llava(model("a", 16, 1), sight).rows()).isEqualTo(grid * grid);
        assertThat(llava(model("b", 16, 2), sight).rows()).isEqualTo(grid / 2 * (grid / 2));
        int[] own = llava(model("c", 16, 3), sight).own(new int[] {1, -1, 7, -2, 8});
        assertThat(own).containsExactly(1, -1, -2, -3, -4, 7, -5, -6, -7, -8, 8);
    }

    /** Mean over squares, then matrix, GELU, matrix, in double. */
    @Test
    void squaresAreMeansOfTheirPatches() {
        Checkpoint checkpoint = model("squares", 16, 2);
        Sight sight = sight(1);
        Projector projector =
                opened(new Projector(device, new Eyes(checkpoint.vision().orElseThrow(), sight)));
        Buffer seen = sight.features(pictures(1).getFirst()), rows = device.allocate(DType.F32, projector.rows() * 16L);
        projector.apply(seen, rows);
        float[] features = new float[(int) seen.elements()], ours = new float[projector.rows() * 16];
        device.download(seen, features, 0, features.length);
        device.download(rows, ours, 0, ours.length);
        int c = TOWER.hiddenSize(), grid = TOWER.grid(), side = grid / 2;
        for (int r = 0; r < projector.rows(); r++) {
            double[] mean = new double[c];
            for (int y = 0; y < 2; y++) {
                for (int x = 0; x < 2; x++) {
                    int patch = (r / side * 2 + y) * grid + r % side * 2 + x;
                    for (int i = 0; i < c; i++) mean[i] += features[(1 + patch) * c + i] / 4.0;
                }
            }
            double[] expected = affine(checkpoint, "linear_2", gelu(affine(checkpoint, "linear_1", mean)));
            double within =
                    1e-5 * (1 + Arrays.stream(expected).map(Math::abs).max().orElseThrow());
            for (int i = 0; i < 16; i++) {
                assertThat((double) ours[r * 16 + i]).isBetween(expected[i] - within, expected[i] + within);
            }
        }
    }

    private static double[] affine(Checkpoint checkpoint, String name, double[] x) {
        Tensor weight = checkpoint.vision().orElseThrow().projector(name + ".weight");
        double[] y = checkpoint.vision().orElseThrow().projector(name + ".bias").doubles();
        for (int o = 0; o < y.length; o++)
            for (int i = 0; i < x.length; i++) y[o] += weight.value((long) o * x.length + i) * x[i];
        return y;
    }

    // x·Φ(x), Φ by the midpoint rule from -12.
    private static double[] gelu(double[] x) {
        return Arrays.stream(x)
                .map(v -> {
                    double sum = 0, step = (v + 12) / 20_000;
                    for (int i = 0; i < 20_000; i++) {
                        double at = -12 + (i + 0.5) * step;
                        sum += Math.exp(-at * at / 2) * step;
                    }
                    return v < -12 ? 0 : v * sum / Math.sqrt(2 * Math.PI);
                })
                .toArray();
    }

    @Test
    void theLatestFeaturesAreKept() {
        Sight sight = sight(2);
        List<Picture> three = pictures(3);
        float[] first = new float[(int) sight.features(three.get(0)).elements()], again = first.clone();
        device.download(sight.features(three.get(0)), first, 0, first.length);
        sight.features(three.get(1));
        sight.features(three.get(0));
        sight.features(three.get(2));
        assertThat(sight.runs()).isEqualTo(3);
        device.download(sight.features(three.get(0)), again, 0, again.length);
        assertThat(sight.runs()).as("the first was asked for last").isEqualTo(3);
        assertThat(again).isEqualTo(first);
        sight.features(three.get(1));
        assertThat(sight.runs()).as("the second had to go").isEqualTo(4);
    }

    @Test
    void keptPromptsAreThoseOfTheirPictures() {
        Sight sight = sight(4);
        Checkpoint checkpoint = model("target", 24, 1);
        KeptPrompt kept = opened(new KeptPrompt(llava(checkpoint, sight)));
        Llava fresh = llava(checkpoint, sight);
        int[] prompt = prompt(1);
        for (Picture picture : pictures(2)) {
            for (int repeat = 0; repeat < 2; repeat++) {
                kept.show(List.of(picture));
                fresh.show(List.of(picture));
                assertThat(logits(kept, prompt)).isEqualTo(logits(fresh, prompt));
            }
        }
    }

    @Test
    void whatWasReadOfThePicturesThatAreShownIsKept() {
        Llava target = llava(model("target", 24, 1), sight(2));
        List<Picture> one = pictures(1), other = pictures(1);
        target.show(one);
        int[] own = target.own(prompt(1));
        target.read(own, 0, own.length, 1);
        target.show(List.copyOf(one));
        assertThat(target.length()).isEqualTo(own.length);
        target.show(other);
        assertThat(target.length()).isZero();
    }

    private static float[] logits(CausalModel model, int[] prompt) {
        int[] own = model.own(prompt);
        float[] row = new float[model.vocabulary()];
        model.truncate(0);
        model.read(own, 0, own.length, 1);
        model.logits(0, row);
        return row;
    }

    @Test
    void picturesOfAnotherSizeAreRefused() {
        Llava target = llava(model("target", 24, 1), sight(1));
        assertThatThrownBy(() -> target.show(List.of(new Pixels("small", new float[12]))))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("picture small", "12 values", "3 x 26 x 26");
    }
}
