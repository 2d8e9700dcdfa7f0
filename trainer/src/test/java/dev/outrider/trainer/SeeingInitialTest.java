package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.LlavaFiles;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.SeeingModels;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.Vision;
import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.trainer.layer.LlamaGraph;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where adapters begin: at random, in the target's projector, in a checkpoint; the language model stays what it was. */
class SeeingInitialTest {
    @TempDir
    Path folder;

    private CpuDevice device;
    private SmallLlava target;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
        target = new SmallLlava(folder.resolve("target"), device, 16, Seeds.generator(1));
    }

    @AfterEach
    void close() {
        target.close();
        device.close();
    }

    private static Map<String, float[]> floats(List<Tensor> tensors) {
        return tensors.stream().collect(Collectors.toMap(Tensor::name, Tensor::floats));
    }

    private static void same(List<Tensor> found, List<Tensor> expected) {
        Map<String, float[]> values = floats(found), wanted = floats(expected);
        assertThat(values.keySet()).isEqualTo(wanted.keySet());
        values.forEach((name, v) -> assertThat(v).as(name).isEqualTo(wanted.get(name)));
    }

    private VisionConfig eyes(int width) {
        return SmallLlava.vision(16).adapter(width, 1, Optional.of("../target"));
    }

    // ---- the language model -----------------------------------------------------------------------

    @Test
    void theLanguageIsTheBlindDraftsBitForBit() {
        ModelConfig shape = SmallLlava.language(16);
        DraftVocabulary few = new DraftVocabulary(SmallLlava.VOCABULARY, new int[] {2, 5, 6, 30});
        Path blind = Shapes.write(folder.resolve("blind"), shape, device, DType.BF16, 4);
        List<Initial> beginnings = List.of(
                new Initial.Scratch(shape, 7),
                new Initial.Scratch(shape, 7, Optional.of(few)),
                new Initial.From(blind, Optional.of(shape)),
                new Initial.LayersOf(target.path, List.of(1)),
                new Initial.LayersOf(target.path, List.of(0, 1), Optional.of(few)));
        for (Initial initial : beginnings) {
            for (Optional<Path> from : List.of(Optional.<Path>empty(), Optional.of(target.path))) {
                Initial.Seeing seeing = new Initial.Seeing(initial, eyes(16), from, 3);
                try (LlamaGraph without = initial.graph(device);
                        LlamaGraph with = seeing.graph(device);
                        LlamaGraph again = seeing.graph(device)) {
                    assertThat(with.config()).isEqualTo(without.config());
                    assertThat(with.config().storedAs(DType.F32)).isEqualTo(seeing.config());
                    assertThat(with.eyes()).isEqualTo(seeing.eyes()).contains(eyes(16));
                    assertThat(with.outputs()).isEqualTo(without.outputs());
                    same(with.tensors(), without.tensors());
                    same(again.adapter(), with.adapter());
                    assertThat(initial.eyes()).isEmpty();
                }
            }
        }
    }

    @Test
    void aCheckpointThatSeesMakesADraftThatDoesAndGivesItsLanguageToAnotherAdapter() {
        Initial from = new Initial.From(target.path, Optional.empty());
        assertThat(from.eyes()).contains(SmallLlava.vision(16));
        VisionConfig pooled = SmallLlava.vision(16).adapter(16, 2, Optional.empty());
        try (LlamaGraph whole = from.graph(device);
                LlamaGraph other = new Initial.Seeing(from, pooled, Optional.empty(), 1).graph(device)) {
            projector(whole, target.vision);
            same(other.tensors(), whole.tensors());
            assertThat(floats(other.adapter()).get("linear_1.weight"))
                    .isNotEqualTo(floats(whole.adapter()).get("linear_1.weight"));
        }
    }

    private static void projector(LlamaGraph graph, Vision vision) {
        for (Tensor t : graph.adapter()) {
            assertThat(t.floats())
                    .as(t.name())
                    .isEqualTo(vision.projector(t.name()).floats());
        }
    }

    // ---- at random --------------------------------------------------------------------------------

    @Test
    void aRandomAdapterIsAsLinearLayersBegin() {
        ModelConfig shape = SmallLlava.language(128);
        VisionConfig wide = TestPictures.plain(300, 128);
        try (LlamaGraph a = seeing(shape, wide, 1);
                LlamaGraph b = seeing(shape, wide, 1);
                LlamaGraph c = seeing(shape, wide, 2)) {
            same(a.adapter(), b.adapter());
            Map<String, float[]> values = floats(a.adapter());
            assertThat(values.get("linear_1.weight"))
                    .isNotEqualTo(floats(c.adapter()).get("linear_1.weight"));
            assertThat(deviation(values.get("linear_1.weight"))).isCloseTo(1 / Math.sqrt(900), within(1e-3));
            assertThat(deviation(values.get("linear_2.weight"))).isCloseTo(1 / Math.sqrt(384), within(1e-3));
            assertThat(values.get("linear_1.bias")).containsOnly(0);
        }
    }

    private LlamaGraph seeing(ModelConfig shape, VisionConfig vision, long seed) {
        return new Initial.Seeing(new Initial.Scratch(shape, 1), vision, Optional.empty(), seed).graph(device);
    }

    private static double deviation(float[] values) {
        double squares = 0;
        for (float v : values) squares += (double) v * v;
        return Math.sqrt(squares / values.length);
    }

    // ---- subcloned --------------------------------------------------------------------------------

    private LlamaGraph subcloned(VisionConfig vision) {
        Initial blind = new Initial.Scratch(SmallLlava.language(vision.width()), 1);
        return new Initial.Seeing(blind, vision, Optional.of(target.path), 0).graph(device);
    }

    @Test
    void ofTheTargetsWidthItIsTheTargetsProjector() {
        try (LlamaGraph graph = subcloned(eyes(16))) {
            projector(graph, target.vision);
        }
    }

    /** Rows and columns chosen and scaled, worked out entry by entry. */
    @Test
    void aNarrowerOneHasTheMostImportantNeurons() {
        int wide = 16, narrow = 8, tower = SmallLlava.TOWER.hiddenSize();
        float[] w1 = target.vision.projector("linear_1.weight").floats(),
                b1 = target.vision.projector("linear_1.bias").floats(),
                w2 = target.vision.projector("linear_2.weight").floats(),
                b2 = target.vision.projector("linear_2.bias").floats();
        double[] inner = new double[wide], outer = new double[wide];
        for (int n = 0; n < wide; n++) {
            double in = b1[n] * (double) b1[n], on = 0, out = b2[n] * (double) b2[n];
            for (int i = 0; i < tower; i++) in += Math.pow(w1[n * tower + i], 2);
            for (int o = 0; o < wide; o++) on += Math.pow(w2[o * wide + n], 2);
            for (int i = 0; i < wide; i++) out += Math.pow(w2[n * wide + i], 2);
            inner[n] = in * on;
            outer[n] = out;
        }
        List<Integer> hidden = best(inner, narrow), kept = best(outer, narrow);
        assertThat(hidden).isNotEqualTo(kept);
        try (LlamaGraph graph = subcloned(eyes(narrow))) {
            Map<String, float[]> found = floats(graph.adapter());
            double scale = Math.sqrt((double) wide / narrow);
            for (int o = 0; o < narrow; o++) {
                assertThat(found.get("linear_1.bias")[o]).isEqualTo(b1[hidden.get(o)]);
                assertThat(found.get("linear_2.bias")[o]).isEqualTo(b2[kept.get(o)]);
                for (int i = 0; i < tower; i++) {
                    assertThat(found.get("linear_1.weight")[o * tower + i]).isEqualTo(w1[hidden.get(o) * tower + i]);
                }
                for (int i = 0; i < narrow; i++) {
                    assertThat((double) found.get("linear_2.weight")[o * narrow + i])
                            .isCloseTo(scale * w2[kept.get(o) * wide + hidden.get(i)], within(1e-6));
                }
            }
        }
    }

    private static List<Integer> best(double[] of, int count) {
        return IntStream.range(0, of.length)
                .boxed()
                .sorted(Comparator.comparingDouble(n -> -of[n]))
                .limit(count)
                .sorted()
                .toList();
    }

    @Test
    void aProjectorWithoutBiasesGivesZeros() {
        VisionConfig bare = new VisionConfig(
                10,
                16,
                2,
                SmallLlava.vision(16).activation(),
                false,
                -2,
                false,
                39,
                SmallLlava.vision(16).aspect(),
                1,
                Optional.empty());
        RandomGenerator random = Seeds.generator(2);
        LlavaFiles.write(
                folder.resolve("bare"),
                SmallLlava.language(16),
                Models.tensors(SmallLlava.language(16), random),
                new LlavaFiles.Eyes(
                        bare,
                        SeeingModels.projector(bare, random),
                        Optional.of(new LlavaFiles.TowerTensors(
                                SmallLlava.TOWER, SeeingModels.tensors(SmallLlava.TOWER, random)))),
                DType.F32,
                Optional.empty(),
                Optional.empty());
        Initial blind = new Initial.Scratch(SmallLlava.language(8), 1);
        try (LlamaGraph graph = new Initial.Seeing(
                        blind, bare.adapter(8, 1, Optional.empty()), Optional.of(folder.resolve("bare")), 0)
                .graph(device)) {
            assertThat(floats(graph.adapter()).get("linear_1.bias")).containsOnly(0);
        }
    }

    @Test
    void whatDoesNotFitIsRefusedByName() {
        assertThatThrownBy(() -> subcloned(eyes(20)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("2 matrices with bias from 10 to 20 channels")
                .hasMessageContaining("from 10 to 16 channels");
        assertThatThrownBy(() -> subcloned(
                        TestPictures.vision(10, 8, 3, SmallLlava.vision(16).activation(), true, false, 1)))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("3 matrices");
        Path blind = Shapes.write(folder.resolve("blind"), SmallLlava.language(16), device, DType.F32, 4);
        Initial from = new Initial.From(blind, Optional.empty());
        assertThatThrownBy(() -> new Initial.Seeing(from, eyes(16), Optional.of(blind), 0).graph(device))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("does not see");
        assertThatThrownBy(() -> new Initial.Seeing(from, eyes(8), Optional.empty(), 0).graph(device))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("16, the draft's width");
    }

    // ---- other checkpoints ------------------------------------------------------------------------

    @Test
    void aModelOfOtherEyesDoesNotGoOn() {
        Path blind = Shapes.write(folder.resolve("blind"), SmallLlava.language(16), device, DType.F32, 4);
        try (Checkpoint other = Checkpoint.open(blind);
                LlamaGraph seeing = LlamaGraph.from(target.checkpoint, device);
                LlamaGraph sightless = LlamaGraph.from(other, device)) {
            assertThatThrownBy(() -> seeing.load(other))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("without a projector");
            assertThatThrownBy(() -> sightless.load(target.checkpoint))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("without a projector");
        }
    }
}
