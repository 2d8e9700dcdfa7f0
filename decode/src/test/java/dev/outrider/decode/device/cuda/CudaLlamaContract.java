package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.Models;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.Llama;
import dev.outrider.decode.model.WeightType;
import dev.outrider.decode.speculate.Decoder;
import dev.outrider.decode.speculate.Generation;
import dev.outrider.decode.speculate.Limits;
import dev.outrider.decode.speculate.Listener;
import dev.outrider.decode.speculate.PromptLookup;
import dev.outrider.decode.speculate.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole model on a GPU's code: its texts are the cpu's, and drafts change not a bit of its logits. */
abstract class CudaLlamaContract {
    private static final int CAPACITY = 96;
    private static final Limits LIMITS = new Limits(20, Set.of());
    private static final ModelConfig CONFIG = ModelConfig.draft(70, 64, 96, 2, 4, CAPACITY, 1, 2);
    // 40 tokens, which are read in one pass of products of many rows; they repeat, so that looking up finds something.
    private static final int[] PROMPT = Seeds.generator(4).ints(40, 3, 9).toArray();

    @TempDir
    Path folder;

    /** A new GPU, or what stands for one. */
    abstract Device open();

    private Path written() {
        List<Tensor> tensors = new ArrayList<>(Models.tensors(CONFIG, Seeds.generator(3)));
        tensors.replaceAll(CudaLlamaContract::moderate);
        HuggingFace.write(folder, CONFIG, tensors, Optional.empty(), Optional.empty());
        return folder;
    }

    // Standard normal weights make sums that grow from layer to layer.
    private static Tensor moderate(Tensor t) {
        float[] values = t.floats();
        float scale = t.shape().length == 2 ? (float) (1.5 / Math.sqrt(t.shape()[1])) : 1;
        for (int i = 0; i < values.length; i++) values[i] *= scale;
        return Tensor.of(t.name(), values, t.shape());
    }

    @Test
    void textsAreThoseOfTheCpu() {
        Path model = written();
        for (WeightType type : WeightType.values()) {
            try (Device cpu = new CpuDevice(1);
                    Device gpu = open();
                    Llama there = Llama.open(model, cpu, CAPACITY, type);
                    Llama here = Llama.open(model, gpu, CAPACITY, type)) {
                // The cpu rounds what it multiplies with narrow weights.
                boolean exact = type == WeightType.STORED || type == WeightType.F32;
                if (exact) assertThat(alone(here)).as("%s", type).isEqualTo(alone(there));
                assertThat(logits(here))
                        .as("%s", type)
                        .usingComparatorWithPrecision(exact ? 2e-4f : type == WeightType.BF16 ? 0.05f : 0.3f)
                        .containsExactly(logits(there));
            }
        }
    }

    private static int[] alone(Llama model) {
        return new Decoder(model)
                .autoregressive(PROMPT, Sampling.GREEDY, LIMITS, 0, Listener.NONE)
                .tokens();
    }

    // Behind the prompt.
    private static float[] logits(Llama model) {
        model.truncate(0);
        model.read(PROMPT, 0, PROMPT.length, 1);
        float[] row = new float[model.vocabulary()];
        model.logits(0, row);
        return row;
    }

    @Test
    void draftsChangeNothing() {
        Path model = written();
        for (WeightType type : new WeightType[] {WeightType.F32, WeightType.INT8}) {
            try (Device gpu = open();
                    Llama target = Llama.open(model, gpu, CAPACITY, type)) {
                int[] expected = alone(target);
                for (int gamma : new int[] {1, 4, 7}) {
                    Generation found = new Decoder(target)
                            .speculative(
                                    PROMPT,
                                    new PromptLookup(CONFIG.vocabSize(), 2, 1),
                                    gamma,
                                    Sampling.GREEDY,
                                    LIMITS,
                                    0,
                                    Listener.NONE);
                    assertThat(found.tokens()).as("%s, γ = %d", type, gamma).isEqualTo(expected);
                    assertThat(found.passes()).as("drafts were read").anyMatch(pass -> pass.drafted() > 0);
                }
            }
        }
    }

    /** However tokens are grouped, each row of logits has the bits that it has alone. */
    @Test
    void groupsOfTokensLeaveTheSameBits() {
        try (Device gpu = open();
                Llama model = Llama.open(written(), gpu, CAPACITY, WeightType.BF16)) {
            float[][] alone = rows(model, 1, 24);
            for (int together : new int[] {2, 3, 8, 12, 24}) {
                assertThat(rows(model, together, 24))
                        .as("%d together", together)
                        .isDeepEqualTo(alone);
            }
        }
    }

    private static float[][] rows(Llama model, int together, int count) {
        float[][] rows = new float[count][model.vocabulary()];
        model.truncate(0);
        for (int i = 0; i < count; i += together) {
            model.read(PROMPT, i, together, together);
            for (int r = 0; r < together; r++) model.logits(r, rows[i + r]);
        }
        return rows;
    }
}
