package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.checkpoints.VocabularyPadding;
import dev.outrider.checkpoints.VocabularyPadding.Padded;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A padded model run beside the one it was made of: real logits are the same, padded ones out of reach. */
class VocabularyPaddingTest {
    @TempDir
    Path folder;

    @Test
    void paddedRowsGetNothingAndRealOnesWhatTheyHad() {
        Seeds.run(10, random -> {
            ModelConfig config = Models.config(random);
            List<Tensor> tensors = Models.tensors(config, random);
            int rows = config.vocabSize() + random.nextInt(1, 30);
            Padded padded = VocabularyPadding.to(rows, config, tensors);
            assertThat(padded.config().vocabSize()).isEqualTo(rows);
            assertThat(padded.config().hiddenSize() % config.heads()).isZero();
            int real = config.vocabSize();
            compare(config, tensors, padded, id -> id < real ? id : -1, text(random, config), DType.F32, 1e-4);
        });
    }

    /** Weights as large as they get: what a layer adds grows with their third power. */
    @Test
    void alsoWithLargeWeights() {
        Seeds.run(10, random -> {
            ModelConfig config = Models.config(random);
            List<Tensor> tensors = new ArrayList<>();
            for (Tensor t : Models.tensors(config, random)) tensors.add(scaled(t, 50));
            Padded padded = VocabularyPadding.to(config.vocabSize() + 3, config, tensors);
            int real = config.vocabSize();
            compare(config, tensors, padded, id -> id < real ? id : -1, text(random, config), DType.F32, 1e-3);
        });
    }

    private static Tensor scaled(Tensor t, float by) {
        float[] values = t.floats();
        for (int i = 0; i < values.length; i++) values[i] *= by;
        return Tensor.of(t.name(), values, t.shape());
    }

    /** A draft that says only some tokens becomes one for servers that know no such drafts. */
    @Test
    void aPrunedDraftIsSpread() {
        Seeds.run(8, random -> {
            ModelConfig full = untied(Models.config(random), random);
            int[] targets = IntStream.range(0, full.vocabSize())
                    .filter(id -> full.eosIds().contains(id) || id % 3 == 0)
                    .toArray();
            DraftVocabulary outputs = new DraftVocabulary(full.vocabSize(), targets);
            ModelConfig config = full.withOutputs(targets.length);
            List<Tensor> tensors = Models.tensors(config, random);
            tensors.removeIf(t -> t.name().equals("d2t") || t.name().equals("t2d"));
            tensors.addAll(outputs.tensors());
            Padded padded = VocabularyPadding.spread(full.vocabSize() + 2, config, tensors, outputs);
            assertThat(padded.config().pruned()).isFalse();
            int real = full.vocabSize();
            IntUnaryOperator source = id -> id < real ? outputs.draft(id) : -1;
            compare(config, tensors, padded, source, text(random, full), DType.F32, 1e-4);
        });
    }

    private static ModelConfig untied(ModelConfig start, RandomGenerator random) {
        ModelConfig config = start;
        while (config.tiedEmbeddings()) config = Models.config(random);
        return config;
    }

    /** In BF16 the gains are rounded anew: as far off as BF16 is anyway. */
    @Test
    @Tag("goldens")
    void inBf16() {
        try (Checkpoint model = Checkpoint.open(Shared.golden("llama/gqa-tied-bf16/model"))) {
            List<Tensor> tensors = model.names().stream().map(model::tensor).toList();
            int real = model.config().vocabSize();
            Padded padded = VocabularyPadding.to(real + 100, model.config(), tensors);
            int[] text = text(Seeds.generator(5), model.config());
            compare(model.config(), tensors, padded, id -> id < real ? id : -1, text, DType.BF16, 2e-2);
        }
    }

    @Test
    void whatCannotBePaddedIsRefused() {
        ModelConfig config = Models.config(Seeds.generator(0));
        List<Tensor> tensors = Models.tensors(config, Seeds.generator(1));
        assertThat(VocabularyPadding.to(config.vocabSize(), config, tensors).tensors())
                .isEqualTo(tensors);
        assertThatThrownBy(() -> VocabularyPadding.to(config.vocabSize() - 1, config, tensors))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("rows for a vocabulary of " + config.vocabSize());
    }

    private static int[] text(RandomGenerator random, ModelConfig config) {
        return random.ints(Math.min(12, config.maxPositions()), 0, config.vocabSize())
                .toArray();
    }

    /** @param tolerance in parts of the largest real logit */
    private void compare(
            ModelConfig config,
            List<Tensor> tensors,
            Padded padded,
            IntUnaryOperator source,
            int[] text,
            DType stored,
            double tolerance) {
        float[][] plain = logits(config, tensors, text, stored);
        float[][] wide = logits(padded.config(), padded.tensors(), text, stored);
        for (int t = 0; t < text.length; t++) {
            double most = 0, least = Double.MAX_VALUE;
            for (float x : plain[t]) {
                most = Math.max(most, Math.abs(x));
                least = Math.min(least, x);
            }
            for (int id = 0; id < wide[t].length; id++) {
                int row = source.applyAsInt(id);
                if (row >= 0) assertThat((double) wide[t][id]).isCloseTo(plain[t][row], within(tolerance * most));
                else assertThat(wide[t][id]).isLessThan((float) (least - VocabularyPadding.CLEARANCE));
            }
            assertThat(Arrays.stream(toDoubles(wide[t])).allMatch(Double::isFinite))
                    .isTrue();
        }
    }

    private static double[] toDoubles(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    private float[][] logits(ModelConfig config, List<Tensor> tensors, int[] text, DType stored) {
        Path directory = folder.resolve("model");
        HuggingFace.write(directory, config, tensors, stored, Optional.empty(), Optional.empty());
        try (Device device = new CpuDevice(1);
                Llama model = Llama.open(directory, device, text.length)) {
            float[][] all = new float[text.length][config.outputSize()];
            model.read(text, 0, text.length, text.length);
            for (int t = 0; t < text.length; t++) model.logits(t, all[t]);
            return all;
        }
    }
}
