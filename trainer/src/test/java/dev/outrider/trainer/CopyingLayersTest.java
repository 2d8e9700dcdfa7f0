package dev.outrider.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.cpu.CpuDevice;
import dev.outrider.decode.model.HeadRoles;
import dev.outrider.decode.model.HeadRoles.Head;
import dev.outrider.decode.model.LlamaWeights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A model that is made to copy: one layer's head looks at the token before, by biases that rotary angles align at that
 * distance, and writes that token into channels of its own; another's looks for the present token in these channels. All
 * other layers do nothing.
 */
class CopyingLayersTest {
    private static final int VOCABULARY = 4000, HALF = 32, LAYERS = 7, BEFORE = 2, COPY = 4;
    /** Of the 16 rotary pairs, with angles of 1, 0.1, 0.01, ... a position; the last hardly turn, and compare tokens. */
    private static final int PAIRS = HALF / 2, TURNING = 4;

    private final ModelConfig config = new ModelConfig(
            VOCABULARY,
            2 * HALF,
            4,
            LAYERS,
            1,
            1,
            HALF,
            256,
            1e-6,
            Math.pow(10, PAIRS),
            new RopeScaling.None(),
            true,
            true,
            false,
            -1,
            List.of(),
            DType.F32);
    private final float[] projection = Seeds.normal(Seeds.generator(1), HALF * HALF, 1 / Math.sqrt(HALF));

    /** A token is a direction in the lower half of the channels. */
    private static Tensor embedding() {
        float[] values = new float[VOCABULARY * 2 * HALF];
        var random = Seeds.generator(2);
        for (int v = 0; v < VOCABULARY; v++) {
            float[] row = Seeds.normal(random, HALF, 1);
            double norm = 0;
            for (float x : row) norm += x * x;
            for (int i = 0; i < HALF; i++) values[v * 2 * HALF + i] = (float) (row[i] / Math.sqrt(norm));
        }
        return Tensor.of("model.embed_tokens.weight", values, VOCABULARY, 2 * HALF);
    }

    private Tensor tensor(String name, long[] shape) {
        float[] values = new float[(int) Tensor.elements(shape)];
        if (name.endsWith("norm.weight")) java.util.Arrays.fill(values, 1);
        String[] parts = name.split("\\.");
        int layer = parts[1].equals("layers") ? Integer.parseInt(parts[2]) : -1;
        if (layer == BEFORE) before(parts[parts.length - 2] + "." + parts[parts.length - 1], values);
        if (layer == COPY) copy(parts[parts.length - 2] + "." + parts[parts.length - 1], values);
        return Tensor.of(name, values, shape);
    }

    private static void before(String part, float[] values) {
        // Scores of the pairs that turn fast, slowly and hardly, at the distance of 1; the scale takes √32 of them.
        double[] scores = {30, 100, 400};
        for (int i = 0; i < scores.length; i++) {
            double size = Math.sqrt(scores[i] * Math.sqrt(HALF)), angle = Math.pow(10, -i);
            if (part.equals("q_proj.bias")) values[i] = (float) size;
            if (part.equals("k_proj.bias")) values[i] = (float) (size * Math.cos(angle));
            if (part.equals("k_proj.bias")) values[i + PAIRS] = (float) (size * Math.sin(angle));
        }
        for (int i = 0; i < HALF; i++) {
            if (part.equals("v_proj.weight")) values[i * 2 * HALF + i] = 1;
            if (part.equals("o_proj.weight")) values[(HALF + i) * HALF + i] = 1 / 8f;
        }
    }

    private void copy(String part, float[] values) {
        int from = part.equals("q_proj.weight") ? 0 : part.equals("k_proj.weight") ? HALF : -1;
        for (int d = 0; from >= 0 && d < HALF; d++) {
            if (d % PAIRS < TURNING) continue;
            for (int i = 0; i < HALF; i++) values[d * 2 * HALF + from + i] = 4 * projection[d * HALF + i];
        }
    }

    private Path written(Path folder) {
        List<Tensor> tensors = new ArrayList<>();
        tensors.add(embedding());
        for (int l = 0; l < LAYERS; l++) {
            String at = "model.layers." + l + ".";
            for (String p : new String[] {"q", "k", "v"}) {
                tensors.add(tensor(at + "self_attn." + p + "_proj.weight", new long[] {HALF, 2 * HALF}));
                tensors.add(tensor(at + "self_attn." + p + "_proj.bias", new long[] {HALF}));
            }
            tensors.add(tensor(at + "self_attn.o_proj.weight", new long[] {2 * HALF, HALF}));
            tensors.add(tensor(at + "self_attn.o_proj.bias", new long[] {2 * HALF}));
            tensors.add(tensor(at + "mlp.gate_proj.weight", new long[] {4, 2 * HALF}));
            tensors.add(tensor(at + "mlp.up_proj.weight", new long[] {4, 2 * HALF}));
            tensors.add(tensor(at + "mlp.down_proj.weight", new long[] {2 * HALF, 4}));
            tensors.add(tensor(at + "input_layernorm.weight", new long[] {2 * HALF}));
            tensors.add(tensor(at + "post_attention_layernorm.weight", new long[] {2 * HALF}));
        }
        tensors.add(tensor("model.norm.weight", new long[] {2 * HALF}));
        HuggingFace.write(folder, config, tensors, Optional.empty(), Optional.empty());
        return folder;
    }

    @Test
    void headsAreWhatTheyWereMadeFor(@TempDir Path folder) {
        try (CpuDevice device = new CpuDevice(2);
                Checkpoint model = Checkpoint.open(written(folder.resolve("model")));
                LlamaWeights weights = LlamaWeights.load(device, model)) {
            for (Head head : HeadRoles.of(device, weights, 3)) {
                if (head.layer() == BEFORE) assertThat(head.previous()).isGreaterThan(0.95);
                else assertThat(head.previous()).isLessThan(0.1);
                if (head.layer() == COPY) assertThat(head.repeats()).isGreaterThan(0.9);
                else assertThat(head.repeats()).isLessThan(0.05);
            }
        }
    }

    @Test
    void theLayersThatCopyAreFound(@TempDir Path folder) {
        try (CpuDevice device = new CpuDevice(2);
                Checkpoint model = Checkpoint.open(written(folder.resolve("model")))) {
            CopyingLayers found = CopyingLayers.of(device, model, 4);
            assertThat(found.layers()).containsExactly(0, BEFORE, COPY, LAYERS - 1);
            assertThat(found.repeats()).isBetween(0.9 * found.whole(), 1.1 * found.whole());
            CopyingLayers neither = CopyingLayers.of(device, model, 3);
            assertThat(neither.repeats()).as("one of the two alone").isLessThan(0.2 * found.whole());
        }
    }

    @Test
    void asManyLayersAsAreWanted(@TempDir Path folder) {
        try (CpuDevice device = new CpuDevice(2);
                Checkpoint model = Checkpoint.open(written(folder.resolve("model")))) {
            for (int count = 2; count <= LAYERS; count++) {
                List<Integer> layers = CopyingLayers.of(device, model, count).layers();
                assertThat(layers)
                        .hasSize(count)
                        .isSorted()
                        .doesNotHaveDuplicates()
                        .contains(0, LAYERS - 1);
            }
        }
    }

    /** The layers of SmolLM2's drafts; 16 looks at the token before, 17 and 18 copy. */
    @Test
    @Tag("slow")
    void theLayersOfARealModel() {
        try (CpuDevice device = new CpuDevice(2);
                Checkpoint model = Checkpoint.open(Shared.smolLm2())) {
            CopyingLayers found = CopyingLayers.of(device, model, 6);
            assertThat(found.layers()).contains(0, 17, 18, 29).hasSize(6);

            assertThat(found.repeats()).isGreaterThan(1);
        }
    }
}
