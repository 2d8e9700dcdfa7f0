package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The map of a pruned draft: what it says, how it lies on disk, and what is refused. */
class DraftVocabularyTest {
    private static final ModelConfig SHAPE =
            ModelConfig.draft(12, 8, 12, 1, 2, 64, 1, 2).withOutputs(5);
    private static final DraftVocabulary MAP = new DraftVocabulary(12, new int[] {0, 2, 3, 9, 11});

    @TempDir
    Path folder;

    private static List<Tensor> tensors(ModelConfig config, List<Tensor> map) {
        RandomGenerator random = Seeds.generator(3);
        List<Tensor> tensors = new ArrayList<>();
        new LlamaLayout(config).shapes().forEach((name, shape) -> {
            if (!name.endsWith("2d") && !name.endsWith("2t")) {
                tensors.add(Models.tensor(name, config.dtype(), random, shape));
            }
        });
        tensors.addAll(map);
        return tensors;
    }

    private Path write(String name, List<Tensor> map) {
        HuggingFace.write(
                folder.resolve(name), SHAPE, tensors(SHAPE, map), DType.BF16, Optional.empty(), Optional.empty());
        return folder.resolve(name);
    }

    private static Tensor offsets(long... offsets) {
        return new Tensor("d2t", DType.I64, new long[] {offsets.length}, MemorySegment.ofArray(offsets));
    }

    private static Tensor mask(int... set) {
        byte[] mask = new byte[12];
        for (int id : set) mask[id] = 1;
        return new Tensor("t2d", DType.BOOL, new long[] {12}, MemorySegment.ofArray(mask));
    }

    @Test
    void goesBothWays() {
        Seeds.run(20, random -> {
            int vocabulary = random.nextInt(1, 60), size = random.nextInt(1, vocabulary + 1);
            int[] ids = random.ints(0, vocabulary).distinct().limit(size).toArray();
            DraftVocabulary map = new DraftVocabulary(vocabulary, ids);
            assertThat(map.targets()).isEqualTo(ids);
            int said = 0;
            for (int id = 0; id < vocabulary; id++) {
                if (map.draft(id) < 0) continue;
                said++;
                assertThat(map.target(map.draft(id))).isEqualTo(id);
            }
            assertThat(said).isEqualTo(size);
        });
    }

    @Test
    void isWrittenAsOthersReadItAndReadAgain() {
        try (Safetensors file = Safetensors.open(write("m", MAP.tensors()).resolve("model.safetensors"))) {
            assertThat(file.tensor("d2t").dtype()).isEqualTo(DType.I64);
            assertThat(file.tensor("d2t").ints()).containsExactly(0, 1, 1, 6, 7);
            assertThat(file.tensor("t2d").dtype()).isEqualTo(DType.BOOL);
            assertThat(file.tensor("t2d").ints()).containsExactly(1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1);
            assertThat(file.tensor("lm_head.weight").shape()).containsExactly(5, 8);
            assertThat(file.tensor("model.embed_tokens.weight").shape()).containsExactly(12, 8);
        }
        assertThat(Json.read(folder.resolve("m/config.json")).whole("draft_vocab_size"))
                .isEqualTo(5);
        try (Checkpoint read = Checkpoint.open(folder.resolve("m"))) {
            assertThat(read.config()).isEqualTo(SHAPE.storedAs(DType.BF16));
            assertThat(read.outputs()).contains(MAP);
            assertThat(read.names()).endsWith("lm_head.weight", "d2t", "t2d");
            assertThat(read.config().parameters())
                    .isEqualTo(SHAPE.withOutputs(12).parameters() - 7 * 8);
        }
    }

    @Test
    void theMapBelongsToTheHash() {
        Path other = write("other", new DraftVocabulary(12, new int[] {0, 2, 3, 9, 10}).tensors());
        Path bare = write("bare", List.of(MAP.tensors().getFirst()));
        try (Checkpoint a = Checkpoint.open(write("a", MAP.tensors()));
                Checkpoint b = Checkpoint.open(other);
                Checkpoint c = Checkpoint.open(bare)) {
            assertThat(a.hash()).isNotEqualTo(b.hash());
            assertThat(c.outputs()).contains(MAP); // EAGLE's drafts have no mask
        }
    }

    @Test
    void aWholeVocabularyHasNoMap() {
        ModelConfig whole = SHAPE.withOutputs(0);
        assertThat(whole.outputSize()).isEqualTo(12);
        assertThat(whole.pruned()).isFalse();
        HuggingFace.write(folder.resolve("w"), whole, tensors(whole, List.of()), Optional.empty(), Optional.empty());
        assertThat(Json.read(folder.resolve("w/config.json")).has("draft_vocab_size"))
                .isFalse();
        try (Checkpoint read = Checkpoint.open(folder.resolve("w"))) {
            assertThat(read.outputs()).isEmpty();
        }
        refused(() -> write("x", whole, MAP.tensors()), "no place for", "d2t");
    }

    private void write(String name, ModelConfig config, List<Tensor> map) {
        HuggingFace.write(
                folder.resolve(name), config, tensors(config, map), DType.F32, Optional.empty(), Optional.empty());
    }

    private static void refused(Runnable what, String... parts) {
        assertThatThrownBy(what::run).isInstanceOf(Failure.class).message().contains(parts);
    }

    @Test
    void whatIsNoMapIsRefusedByName() {
        refused(() -> write("a", List.of()), "d2t", "no such tensor");
        refused(() -> write("b", List.of(offsets(0, 1, 1, 6, 8))), "d2t, element 4", "12");
        refused(() -> write("c", List.of(offsets(0, 1, 0, 6, 7))), "d2t", "target id 2 of draft ids 1 and 2");
        refused(() -> write("d", List.of(offsets(-1, 1, 1, 6, 7))), "d2t, element 0", "-1");
        refused(() -> write("e", List.of(offsets(0, 0, 1, 6, 7))), "d2t", "end token 2");
        refused(() -> write("f", List.of(offsets(0, 1, 1, 6, 7), mask(0, 2, 3, 9))), "t2d, element 11", "false");
        refused(() -> write("g", List.of(offsets(0, 1, 1, 6, 7), mask(0, 1, 2, 3, 9, 11))), "t2d, element 1", "true");
        refused(() -> write("h", List.of(offsets(0, 1, 1, 6))), "d2t", "[4]", "[5]");
        refused(() -> write("i", List.of(Tensor.of("d2t", new float[5], 5))), "d2t", "F32", "I64");
    }

    @Test
    void aShapeThatCannotBeIsRefused() {
        refused(() -> SHAPE.withOutputs(13), "13 rows");
        refused(() -> SHAPE.withOutputs(-1), "-1 rows");
        refused(() -> new DraftVocabulary(4, new int[] {1, 1}), "target id 1");
        refused(() -> new DraftVocabulary(4, new int[] {4}), "target id 4");
        refused(() -> new DraftVocabulary(4, new int[] {}), "no tokens");
    }
}
