package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Layers chosen by measurement: those that do something are found, and the number said is the KL it says. */
final class LayerChoiceTest {
    private static final int TIME = 24;

    @TempDir
    Path folder;

    @Test
    void findsTheLayersThatMatter() {
        ModelConfig shape = Shapes.all().findFirst().orElseThrow();
        Seeds.run(1, random -> {
            try (CpuDevice device = new CpuDevice(2)) {
                Path full = Shapes.write(folder.resolve("full"), shape, device, DType.F32, random.nextLong());
                for (List<Integer> loud : List.of(List.of(1, 4), List.of(0, 2))) {
                    Path target = silenced(full, loud);
                    try (Checkpoint checkpoint = Checkpoint.open(target)) {
                        Batch rows = Shapes.batch(Shapes.ids(random, TIME));
                        List<LayerChoice> heard = new ArrayList<>();
                        LayerChoice choice =
                                LayerChoice.of(checkpoint, asItIs(loud.size()), device, rows, rows, heard::add);
                        assertThat(choice.layers()).isEqualTo(loud);
                        assertThat(choice.divergence()).isLessThan(1e-4);
                        for (LayerChoice one : List.of(heard.getFirst(), heard.getLast())) {
                            double expected = divergence(checkpoint, one.layers(), rows.tokens());
                            assertThat(one.divergence()).isCloseTo(expected, within(1e-5 + 1e-4 * expected));
                        }
                    }
                }
            }
        });
    }

    @Test
    void aFewStepsOfTrainingBringCutsNearer() {
        ModelConfig shape = Shapes.all().findFirst().orElseThrow();
        try (CpuDevice device = new CpuDevice(2)) {
            Path target = Shapes.write(folder.resolve("full"), shape, device, DType.F32, 4);
            try (Checkpoint checkpoint = Checkpoint.open(target)) {
                DraftVocabulary said = new DraftVocabulary(Shapes.VOCABULARY, Shapes.firstIds(20));
                Batch learnt = Shapes.batch(Shapes.ids(Seeds.generator(1), TIME));
                Batch held = Shapes.batch(Shapes.ids(Seeds.generator(2), TIME));
                for (Optional<DraftVocabulary> outputs :
                        List.of(Optional.<DraftVocabulary>empty(), Optional.of(said))) {
                    List<LayerChoice> before = new ArrayList<>(), after = new ArrayList<>();
                    LayerChoice.of(
                            checkpoint, new LayerChoice.Settings(1, outputs, 0, 0), device, learnt, held, before::add);
                    LayerChoice.of(
                            checkpoint,
                            new LayerChoice.Settings(1, outputs, 5, 3e-3),
                            device,
                            learnt,
                            held,
                            after::add);
                    assertThat(after).hasSameSizeAs(before).hasSize(5);
                    for (int i = 0; i < before.size(); i++) {
                        assertThat(after.get(i).layers())
                                .isEqualTo(before.get(i).layers());
                        assertThat(after.get(i).divergence())
                                .isLessThan(before.get(i).divergence());
                    }
                }
            }
        }
    }

    private static LayerChoice.Settings asItIs(int count) {
        return new LayerChoice.Settings(count, Optional.empty(), 0, 0);
    }

    /** All other layers write next to nothing into the residual stream. */
    private Path silenced(Path full, List<Integer> loud) {
        Path target = folder.resolve("target");
        try (Checkpoint checkpoint = Checkpoint.open(full)) {
            List<Tensor> values = checkpoint.names().stream()
                    .map(checkpoint::tensor)
                    .map(t -> quiet(t, loud))
                    .toList();
            HuggingFace.write(target, checkpoint.config(), values, Optional.empty(), Optional.empty());
        }
        return target;
    }

    private static Tensor quiet(Tensor t, List<Integer> loud) {
        boolean writes = t.name().endsWith("o_proj.weight") || t.name().endsWith("down_proj.weight");
        if (!writes || loud.contains(Integer.parseInt(t.name().split("\\.")[2]))) return t;
        float[] values = t.floats();
        for (int i = 0; i < values.length; i++) values[i] *= 1e-4f;
        return Tensor.of(t.name(), values, t.shape());
    }

    private static double divergence(Checkpoint target, List<Integer> layers, int[] ids) {
        double[][] p = new ScalarLlama(target, List.of(0, 1, 2, 3, 4)).logits(ids);
        double[][] q = new ScalarLlama(target, layers).logits(ids);
        double sum = 0;
        for (int t = 0; t < ids.length - 1; t++) {
            double a = logSum(p[t]), b = logSum(q[t]);
            for (int v = 0; v < p[t].length; v++) sum += Math.exp(p[t][v] - a) * (p[t][v] - a - q[t][v] + b);
        }
        return sum / (ids.length - 1);
    }

    private static double logSum(double[] z) {
        double sum = 0;
        for (double v : z) sum += Math.exp(v);
        return Math.log(sum);
    }
}
