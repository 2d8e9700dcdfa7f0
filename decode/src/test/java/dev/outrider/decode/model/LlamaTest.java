package dev.outrider.decode.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.DType;
import dev.outrider.checkpoints.DraftVocabulary;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.HuggingFace;
import dev.outrider.checkpoints.ModelConfig;
import dev.outrider.checkpoints.RopeScaling;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.Tensor;
import dev.outrider.decode.device.Device;
import dev.outrider.decode.device.cpu.CpuDevice;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LlamaTest {
    private static final int[] IDS = {1, 2, 3, 4, 5};

    @TempDir
    Path folder;

    private Device device;

    @BeforeEach
    void open() {
        device = new CpuDevice(2);
    }

    @AfterEach
    void close() {
        device.close();
    }

    @Test
    void chunksOfUpTo32LeaveTheSameBits() {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            Path written = write("chunks-" + type, random(Seeds.generator(1), type, 3), 1);
            try (Llama model = Llama.open(written, device, 90)) {
                Seeds.run(8, random -> compareChunks(model, random, ids(random, model, 90)));
            }
        }
    }

    @Test
    void aPrunedHeadHasTheLogitsOfItsTokens() {
        ModelConfig whole = ModelConfig.draft(60, 24, 40, 2, 3, 64, 1, 2);
        DraftVocabulary outputs = new DraftVocabulary(60, new int[] {2, 3, 17, 58, 40});
        Path full = write("full", whole, 3), pruned = folder.resolve("pruned");
        List<Tensor> tensors = new ArrayList<>();
        for (Tensor t : tensors(whole, Seeds.generator(3))) {
            tensors.add(t.name().equals("lm_head.weight") ? rows(t, outputs, 24) : t);
        }
        tensors.addAll(outputs.tensors());
        HuggingFace.write(pruned, whole.withOutputs(5), tensors, Optional.empty(), Optional.empty());
        try (Llama a = Llama.open(full, device, 8);
                Llama b = Llama.open(pruned, device, 8)) {
            assertThat(b.vocabulary()).isEqualTo(60);
            assertThat(b.outputs()).contains(outputs);
            int[] ids = {59, 0, 17, 4, 8};
            float[] all = read(a, ids, 0, 5)[4], some = read(b, ids, 0, 5)[4];
            for (int i = 0; i < 5; i++) assertThat(some[i]).isEqualTo(all[outputs.target(i)]);
        }
    }

    private static Tensor rows(Tensor head, DraftVocabulary outputs, int channels) {
        float[] from = head.floats(), to = new float[outputs.size() * channels];
        for (int i = 0; i < outputs.size(); i++) {
            System.arraycopy(from, outputs.target(i) * channels, to, i * channels, channels);
        }
        return Tensor.of(head.name(), to, outputs.size(), channels);
    }

    // Reads one by one, then in random chunks; every row's logits agree bit for bit.
    private static void compareChunks(Llama model, RandomGenerator random, int[] ids) {
        float[][] alone = new float[ids.length][];
        model.truncate(0);
        for (int i = 0; i < ids.length; i++) alone[i] = read(model, ids, i, 1)[0];
        model.truncate(0);
        for (int i = 0; i < ids.length; ) {
            int count = 1 + random.nextInt(Math.min(Device.INVARIANT_ROWS, ids.length - i));
            float[][] together = read(model, ids, i, count);
            for (int r = 0; r < count; r++) assertThat(together[r]).isEqualTo(alone[i + r]);
            i += count;
        }
    }

    @Test
    void forgottenTokensLeaveNoTrace() {
        try (Llama model = Llama.open(write("forget", random(Seeds.generator(2), DType.F32, 2), 2), device, 60)) {
            Seeds.run(10, random -> {
                int[] ids = ids(random, model, 60), other = ids(random, model, 60);
                int kept = random.nextInt(30), more = 1 + random.nextInt(30);
                model.truncate(0);
                model.read(ids, 0, kept, 0);
                float[][] expected = read(model, ids, kept, more);
                model.truncate(kept);
                model.read(other, 0, 1 + random.nextInt(29), 1);
                model.truncate(kept);
                assertThat(model.length()).isEqualTo(kept);
                assertThat(read(model, ids, kept, more)).isDeepEqualTo(expected);
            });
        }
    }

    @Test
    void aLongPromptLeavesTheSameCacheHoweverManyLogitsAreKept() {
        try (Llama model = Llama.open(write("long", random(Seeds.generator(3), DType.F32, 2), 3), device, 700)) {
            int[] ids = ids(Seeds.generator(4), model, 700);
            model.read(ids, 0, 600, 0);
            float[] after = read(model, ids, 600, 5)[4];
            model.truncate(0);
            float[][] all = read(model, ids, 0, 600);
            assertThat(read(model, ids, 600, 5)[4]).isEqualTo(after);
            model.truncate(0);
            assertThat(read(model, ids, 0, 600)).isDeepEqualTo(all);
        }
    }

    @Test
    void sharedWeightsServeSeveralModels() {
        Path written = write("shared", random(Seeds.generator(5), DType.F32, 1), 5);
        try (Checkpoint checkpoint = Checkpoint.open(written);
                LlamaWeights weights = LlamaWeights.load(device, checkpoint);
                Llama one = new Llama(device, weights, 20);
                Llama two = new Llama(device, weights, 30)) {
            int[] ids = ids(Seeds.generator(6), one, 20);
            two.read(ids, 5, 3, 1);
            two.truncate(0);
            assertThat(read(two, ids, 0, 20)).isDeepEqualTo(read(one, ids, 0, 20));
        }
    }

    @Test
    void bf16WeightsStayWhereTheyAre() {
        Path written = write("bf16", random(Seeds.generator(7), DType.BF16, 1), 7);
        try (Checkpoint checkpoint = Checkpoint.open(written);
                LlamaWeights weights = LlamaWeights.load(device, checkpoint)) {
            Tensor stored = checkpoint.tensor("model.layers.0.self_attn.o_proj.weight");
            assertThat(stored.dtype()).isEqualTo(DType.BF16);
            assertThat(weights.layers.getFirst().output().weight().type()).isEqualTo(DType.BF16);
            assertThat(weights.layers.getFirst().output().weight().address())
                    .isEqualTo(stored.data().address());
        }
    }

    @Test
    void weightsThatATypeHoldsExactlyGiveTheSameLogits() {
        ModelConfig config = ModelConfig.draft(70, 64, 96, 2, 2, 64, 1, 2);
        List<Tensor> tensors = tensors(config, Seeds.generator(11));
        tensors.replaceAll(LlamaTest::inSteps);
        Path written = folder.resolve("exact");
        HuggingFace.write(written, config, tensors, Optional.empty(), Optional.empty());
        int[] ids = Seeds.generator(12).ints(50, 0, 70).toArray();
        Map<WeightType, float[][]> logits = new EnumMap<>(WeightType.class);
        for (WeightType type : WeightType.values()) {
            try (Llama model = Llama.open(written, device, 60, type)) {
                logits.put(type, read(model, ids, 0, 7));
                model.read(ids, 7, 43, 43); // more rows than one pass keeps invariant: widened panels
                assertThat(model.length()).isEqualTo(50);
            }
        }
        // STORED and F32 differ in the order of their sums; the others take what is multiplied in their own type.
        Map<WeightType, Float> apart =
                Map.of(WeightType.STORED, 0f, WeightType.F32, 1e-4f, WeightType.BF16, 0.02f, WeightType.INT8, 0.05f);
        float[][] stored = logits.get(WeightType.STORED);
        logits.forEach((type, found) -> {
            for (int i = 0; i < stored.length; i++) {
                assertThat(found[i]).as("%s", type).containsExactly(stored[i], offset(apart.get(type)));
            }
        });
    }

    @Test
    void typesOfWeights() {
        Path written = write("types", ModelConfig.draft(70, 64, 40, 1, 2, 64, 1, 2), 13);
        try (Checkpoint checkpoint = Checkpoint.open(written)) {
            for (WeightType type : WeightType.values()) {
                try (LlamaWeights weights = LlamaWeights.load(device, checkpoint, type)) {
                    LlamaWeights.Layer layer = weights.layers.getFirst();
                    DType expected =
                            DType.valueOf(Map.of("STORED", "F32", "INT8", "I8").getOrDefault(type.name(), type.name()));
                    assertThat(layer.up().weight().type()).isEqualTo(expected);
                    assertThat(weights.embedding.type()).isEqualTo(expected);
                    assertThat(layer.inputNorm().type()).isEqualTo(DType.F32);
                    // Rows of 40 are not whole groups.
                    assertThat(layer.down().weight().type()).isEqualTo(type == WeightType.INT8 ? DType.F32 : expected);
                }
            }
        }
    }

    // The same matrix in steps of 2^-9, every group of 32 reaching 127 of them: exact in all types.
    private static Tensor inSteps(Tensor t) {
        if (t.shape().length < 2) return t;
        float[] values = t.floats();
        for (int i = 0; i < values.length; i++) {
            int q = i % 32 == 5 ? 127 : Math.clamp((long) (values[i] * 300), -127, 127);
            values[i] = Math.scalb((float) q, -9);
        }
        return Tensor.of(t.name(), values, t.shape());
    }

    @Test
    void refusesWhatDoesNotFit() {
        Path written = write("refuse", random(Seeds.generator(8), DType.F32, 1), 8);
        assertThatThrownBy(() -> Llama.open(written, device, 100_000))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("max_position_embeddings");
        try (Llama model = Llama.open(written, device, 10)) {
            assertThatThrownBy(() -> model.read(new int[11], 0, 11, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("11 more")
                    .hasMessageContaining("at most 10");
            assertThatThrownBy(() -> model.read(new int[] {1, model.vocabulary()}, 0, 2, 1))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("token 1")
                    .hasMessageContaining("id " + model.vocabulary());
            assertThatThrownBy(() -> model.read(new int[] {-1}, 0, 1, 1)).isInstanceOf(Failure.class);
            assertThat(model.length()).isZero();
        }
    }

    @Test
    @Tag("goldens")
    void stories260K() throws java.io.IOException {
        JsonNode golden = new ObjectMapper()
                .readTree(Shared.asset("stories260K/golden.json").toFile());
        int[] prompt = ints(golden.get("prompt_ids")), expected = ints(golden.get("ids"));
        try (Llama model = Llama.open(Shared.asset("stories260K/stories260K.bin"), device, 512)) {
            int from = Arrays.equals(Arrays.copyOf(expected, prompt.length), prompt) ? prompt.length : 0;
            int[] text = Greedy.text(model, prompt, expected.length - from, List.of());
            assertThat(text).isEqualTo(Arrays.copyOfRange(expected, from, expected.length));
        }
    }

    @Test
    @Tag("slow")
    void aStepAllocatesNothing() {
        Path written = write("steps", ModelConfig.draft(64, 64, 96, 1, 2, 256, 1, 2), 10);
        try (Llama model = Llama.open(written, device, 256)) {
            float[] logits = new float[model.vocabulary()];
            assertThat(allocated(() -> steps(model, logits))).isZero();
        }
    }

    // 200 tokens one by one, then 40 in fives.
    private static void steps(Llama model, float[] logits) {
        model.truncate(0);
        for (int i = 0; i < 200; i++) step(model, 1, logits);
        for (int i = 0; i < 8; i++) step(model, 5, logits);
    }

    private static void step(Llama model, int count, float[] logits) {
        model.read(IDS, 0, count, count);
        model.logits(count - 1, logits);
    }

    // Vectors are objects until the compiler has seen to them: tries for a while, and gives the least.
    private static long allocated(Runnable body) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE, end = System.nanoTime() + 60_000_000_000L;
        while (least > 0 && System.nanoTime() < end) {
            long before = threads.getCurrentThreadAllocatedBytes();
            body.run();
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        return least;
    }

    private static float[][] read(Llama model, int[] ids, int offset, int count) {
        model.read(ids, offset, count, count);
        float[][] rows = new float[count][model.logits()];
        for (int r = 0; r < count; r++) model.logits(r, rows[r]);
        return rows;
    }

    private static int[] ids(RandomGenerator random, CausalModel model, int count) {
        return random.ints(count, 0, model.vocabulary()).toArray();
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    // Awkward widths, grouped heads, perhaps biases.
    private static ModelConfig random(RandomGenerator random, DType type, int layers) {
        int kvHeads = 1 + random.nextInt(3), heads = kvHeads * (1 + random.nextInt(3));
        int headDim = 2 * (1 + random.nextInt(16)), hidden = 10 + random.nextInt(90);
        return new ModelConfig(
                50 + random.nextInt(50),
                hidden,
                20 + random.nextInt(100),
                layers,
                heads,
                kvHeads,
                headDim,
                1024,
                1e-5,
                10000,
                new RopeScaling.None(),
                random.nextBoolean(),
                random.nextBoolean(),
                random.nextBoolean(),
                1,
                List.of(2),
                type);
    }

    private Path write(String name, ModelConfig config, long seed) {
        List<Tensor> tensors = tensors(config, Seeds.generator(seed));
        HuggingFace.write(folder.resolve(name), config, tensors, Optional.empty(), Optional.empty());
        return folder.resolve(name);
    }

    private static List<Tensor> tensors(ModelConfig config, RandomGenerator random) {
        List<Tensor> tensors = new ArrayList<>();
        int c = config.hiddenSize(), v = config.vocabSize();
        tensors.add(tensor("model.embed_tokens.weight", random, v, c));
        for (int l = 0; l < config.layers(); l++) layer(tensors, config, random, "model.layers." + l + ".");
        tensors.add(tensor("model.norm.weight", random, c));
        if (!config.tiedEmbeddings()) tensors.add(tensor("lm_head.weight", random, v, c));
        return tensors;
    }

    private static void layer(List<Tensor> tensors, ModelConfig config, RandomGenerator random, String name) {
        int c = config.hiddenSize(), i = config.intermediateSize();
        int q = config.heads() * config.headDim(), kv = config.kvHeads() * config.headDim();
        boolean bias = config.attentionBias(), mlpBias = config.mlpBias();
        tensors.add(tensor(name + "input_layernorm.weight", random, c));
        tensors.add(tensor(name + "post_attention_layernorm.weight", random, c));
        linear(tensors, random, name + "self_attn.q_proj", q, c, bias);
        linear(tensors, random, name + "self_attn.k_proj", kv, c, bias);
        linear(tensors, random, name + "self_attn.v_proj", kv, c, bias);
        linear(tensors, random, name + "self_attn.o_proj", c, q, bias);
        linear(tensors, random, name + "mlp.gate_proj", i, c, mlpBias);
        linear(tensors, random, name + "mlp.up_proj", i, c, mlpBias);
        linear(tensors, random, name + "mlp.down_proj", c, i, mlpBias);
    }

    private static void linear(
            List<Tensor> tensors, RandomGenerator random, String name, int out, int in, boolean bias) {
        tensors.add(tensor(name + ".weight", random, out, in));
        if (bias) tensors.add(tensor(name + ".bias", random, out));
    }

    private static Tensor tensor(String name, RandomGenerator random, long... shape) {
        int elements = Math.toIntExact(Tensor.elements(shape));
        return Tensor.of(name, Seeds.normal(random, elements, 1 / Math.sqrt(shape[shape.length - 1])), shape);
    }
}
