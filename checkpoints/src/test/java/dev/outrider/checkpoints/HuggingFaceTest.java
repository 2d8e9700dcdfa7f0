package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outrider.checkpoints.tokenizer.BpeTrainer;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Directories that we write, read again; and directories that are wrong, each refused by name. */
class HuggingFaceTest {
    @TempDir
    Path folder;

    private static void write(Path to, ModelConfig config, List<Tensor> tensors) {
        HuggingFace.write(to, config, tensors, Optional.empty(), Optional.empty());
    }

    private static ModelConfig small(boolean tied) {
        return new ModelConfig(
                16,
                8,
                12,
                2,
                2,
                1,
                4,
                64,
                1e-5,
                10000,
                new RopeScaling.None(),
                tied,
                false,
                false,
                1,
                List.of(2),
                DType.F32);
    }

    @Test
    void whatIsWrittenIsRead() {
        Seeds.run(12, random -> {
            Path model = folder.resolve("model-" + random.nextLong());
            ModelConfig config = Models.config(random);
            List<Tensor> tensors = Models.tensors(config, random);
            write(model, config, tensors);
            try (Checkpoint read = Checkpoint.open(model)) {
                assertThat(read.config()).isEqualTo(config);
                assertThat(read.names())
                        .containsExactlyElementsOf(
                                tensors.stream().map(Tensor::name).toList());
                for (Tensor t : tensors) assertSame(read.tensor(t.name()), t);
            }
        });
    }

    @Test
    void shardsHoldTheSameModel() throws IOException {
        var random = Seeds.generator(1);
        ModelConfig config = small(false);
        List<Tensor> tensors = Models.tensors(config, random);
        write(folder.resolve("one"), config, tensors);
        HuggingFace.write(folder.resolve("many"), config, tensors, DType.F32, 600, Optional.empty(), Optional.empty());
        assertThat(folder.resolve("many/model.safetensors")).doesNotExist();
        JsonNode index = Json.MAPPER.readTree(
                folder.resolve("many/model.safetensors.index.json").toFile());
        assertThat(index.at("/metadata/total_size").longValue()).isEqualTo(4 * config.parameters());
        List<Path> shards = files(folder.resolve("many"), ".safetensors");
        assertThat(shards).hasSizeGreaterThan(3);
        try (Checkpoint one = Checkpoint.open(folder.resolve("one"));
                Checkpoint many = Checkpoint.open(folder.resolve("many"))) {
            for (Tensor t : tensors) assertSame(many.tensor(t.name()), t);
            assertThat(many.hash()).isEqualTo(one.hash()).hasSize(64);
        }
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(p -> p.toString().endsWith(ending)).toList();
        }
    }

    @Test
    void tokenizerAndProvenanceComeAlong() {
        Tokenizer tokenizer = BpeTrainer.train(Map.of("draft", 5L, "target", 3L), 300, List.of());
        ModelConfig config = ModelConfig.draft(tokenizer.size(), 8, 12, 1, 2, 64, tokenizer.bosId(), tokenizer.eosId());
        Provenance provenance = Provenance.now("outrider export", "seed: 1", 1, "", "runs/x");
        List<Tensor> tensors = Models.tensors(config, Seeds.generator(11));
        HuggingFace.write(folder.resolve("m"), config, tensors, Optional.of(tokenizer), Optional.of(provenance));
        assertThat(Provenance.read(folder.resolve("m"))).contains(provenance);
        try (Checkpoint read = Checkpoint.open(folder.resolve("m"))) {
            assertThat(read.requireTokenizer().hash()).isEqualTo(tokenizer.hash());
        }
        ModelConfig smaller = ModelConfig.draft(tokenizer.size() - 1, 8, 12, 1, 2, 64, 1, 2);
        HuggingFace.write(
                folder.resolve("s"),
                smaller,
                Models.tensors(smaller, Seeds.generator(12)),
                Optional.of(tokenizer),
                Optional.empty());
        try (Checkpoint read = Checkpoint.open(folder.resolve("s"))) {
            assertFailure(
                    read::requireTokenizer,
                    Failure.Kind.DATA,
                    tokenizer.size() + " ids",
                    "vocabulary of " + smaller.vocabSize());
        }
        write(folder.resolve("n"), config, tensors);
        try (Checkpoint read = Checkpoint.open(folder.resolve("n"))) {
            assertThat(read.tokenizer()).isEmpty();
            assertFailure(read::requireTokenizer, Failure.Kind.DATA, "no tokenizer", "tokenizer.json");
        }
    }

    @Test
    void onlyAModelIsReplaced() throws IOException {
        ModelConfig config = small(true);
        Path model = Files.createDirectory(folder.resolve("m"));
        write(model, config, Models.tensors(config, Seeds.generator(13)));
        Files.writeString(model.resolve("old"), "x");
        write(model, config, Models.tensors(config, Seeds.generator(14)));
        assertThat(model.resolve("old")).doesNotExist();
        Path home = Files.createDirectory(folder.resolve("home"));
        Path letter = Files.writeString(home.resolve("letter"), "x");
        assertFailure(
                () -> write(home, config, Models.tensors(config, Seeds.generator(15))),
                Failure.Kind.USAGE,
                "home",
                "other things");
        assertThat(letter).hasContent("x");
    }

    @Test
    void theHashTellsModelsApart() {
        var random = Seeds.generator(2);
        ModelConfig config = small(true);
        List<Tensor> tensors = Models.tensors(config, random);
        write(folder.resolve("a"), config, tensors);
        Tensor last = tensors.getLast();
        float[] changed = last.floats();
        changed[0] = Math.nextUp(changed[0]);
        List<Tensor> others = new ArrayList<>(tensors);
        others.set(tensors.size() - 1, Tensor.of(last.name(), changed, last.shape()));
        write(folder.resolve("b"), config, others);
        try (Checkpoint a = Checkpoint.open(folder.resolve("a"));
                Checkpoint b = Checkpoint.open(folder.resolve("b"))) {
            assertThat(a.hash()).isNotEqualTo(b.hash());
        }
    }

    /** Against rounding in double: the nearest of the two neighbours, ties to the even one. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void storingRoundsHalfToEven(DType stored) throws IOException {
        float[] values = tiesAndOthers(stored);
        Tensor tensor = Tensor.of("t", values, values.length);
        Path file = folder.resolve("t.safetensors");
        SafetensorsWriter.write(file, List.of(tensor), t -> stored, Map.of());
        try (Safetensors read = Safetensors.open(file)) {
            double[] found = read.tensor("t").doubles();
            for (int i = 0; i < values.length; i++) {
                assertThat(found[i]).as("%s %a", stored, values[i]).isEqualTo(rounded(values[i], stored));
            }
        }
    }

    private static float[] tiesAndOthers(DType stored) {
        var random = Seeds.generator(3);
        int dropped = stored == DType.F16 ? 13 : 16;
        float[] values = Seeds.normal(random, 4000, 3);
        for (int i = 0; i < values.length; i += 2) {
            int bits = Float.floatToRawIntBits(values[i]) >>> dropped << dropped;
            values[i] = Float.intBitsToFloat(bits | 1 << dropped - 1);
        }
        values[1] = 0f;
        values[3] = -0f;
        values[5] = 6e-8f;
        values[7] = 1e-5f;
        return values;
    }

    // Spacing of the stored type around x: 2^(exponent - fraction bits), not below its subnormal spacing.
    private static double rounded(double x, DType stored) {
        int fraction = stored == DType.F32 ? 23 : stored == DType.F16 ? 10 : 7;
        int least = stored == DType.F16 ? -14 : -126;
        double spacing = Math.scalb(1.0, Math.max(Math.getExponent(x), least) - fraction);
        return Math.rint(x / spacing) * spacing;
    }

    @Test
    void aValueBeyondTheStoredTypeIsRefused() {
        var random = Seeds.generator(4);
        ModelConfig config = small(true);
        List<Tensor> tensors = Models.tensors(config, random);
        Tensor last = tensors.getLast();
        float[] values = last.floats();
        values[3] = 70000;
        tensors.set(tensors.size() - 1, Tensor.of(last.name(), values, last.shape()));
        Path model = folder.resolve("m");
        assertFailure(
                () -> HuggingFace.write(model, config, tensors, DType.F16, Optional.empty(), Optional.empty()),
                Failure.Kind.DATA,
                "model.norm.weight",
                "element 3",
                "70000",
                "F16");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aModelThatDoesNotFitItsConfigurationIsNotWritten() {
        ModelConfig config = small(false);
        List<Tensor> tensors = Models.tensors(config, Seeds.generator(5));
        tensors.removeLast();
        assertFailure(
                () -> write(folder.resolve("m"), config, tensors),
                Failure.Kind.DATA,
                "lm_head.weight",
                "no such tensor");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aTiedHeadIsToleratedWhereItIsTheEmbedding() {
        List<Tensor> tensors = Models.tensors(small(true), Seeds.generator(6));
        Tensor embedding = tensors.getFirst();
        tensors.add(new Tensor(LlamaLayout.HEAD, DType.F32, embedding.shape(), embedding.data()));
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        writeConfig(folder, small(true));
        try (Checkpoint read = Checkpoint.open(folder)) {
            assertThat(read.has(LlamaLayout.HEAD)).isFalse();
        }
        tensors.removeLast();
        tensors.add(Models.tensor(LlamaLayout.HEAD, DType.F32, Seeds.generator(7), embedding.shape()));
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        assertFailure(
                () -> Checkpoint.open(folder), Failure.Kind.DATA, "lm_head.weight", "differs", "tie_word_embeddings");
    }

    private static void writeConfig(Path folder, ModelConfig config) {
        try {
            HuggingFaceConfig.write(folder, config);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static Stream<Arguments> wrongTensors() {
        return Stream.of(
                Arguments.of(
                        "absent",
                        change(t -> t.remove(5)),
                        List.of("self_attn.o_proj.weight", "no such tensor", "[8, 8]")),
                Arguments.of(
                        "misshapen",
                        change(t -> t.set(1, Tensor.of(t.get(1).name(), new float[9], 9))),
                        List.of("input_layernorm.weight", "shape [9]", "[8]")),
                Arguments.of(
                        "of integers",
                        change(t -> t.set(
                                1,
                                new Tensor(
                                        t.get(1).name(),
                                        DType.I8,
                                        new long[] {8},
                                        java.lang.foreign.MemorySegment.ofArray(new byte[8])))),
                        List.of("input_layernorm.weight", "I8", "BF16")),
                Arguments.of(
                        "left over",
                        change(t -> t.add(Tensor.of("model.layers.0.self_attn.q_proj.bias", new float[8], 8))),
                        List.of("self_attn.q_proj.bias", "no place", "attention_bias")),
                Arguments.of(
                        "of a further layer",
                        change(t -> t.add(Tensor.of("model.layers.2.input_layernorm.weight", new float[8], 8))),
                        List.of("model.layers.2.input_layernorm.weight", "no place", "2 layers")));
    }

    private static Consumer<List<Tensor>> change(Consumer<List<Tensor>> change) {
        return change;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongTensors")
    void wrongTensorsAreRefused(String what, Consumer<List<Tensor>> change, List<String> said) {
        List<Tensor> tensors = Models.tensors(small(false), Seeds.generator(8));
        change.accept(tensors);
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        writeConfig(folder, small(false));
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.DATA, said.toArray(String[]::new));
    }

    @Test
    void rotaryFrequenciesOfOldFilesAreTolerated() {
        List<Tensor> tensors = Models.tensors(small(false), Seeds.generator(9));
        tensors.add(Tensor.of("model.layers.0.self_attn.rotary_emb.inv_freq", new float[] {1, 0.01f}, 2));
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        writeConfig(folder, small(false));
        try (Checkpoint read = Checkpoint.open(folder)) {
            assertThat(read.names()).noneMatch(name -> name.contains("inv_freq"));
        }
    }

    @Test
    void shardsAndIndexMustAgree() throws IOException {
        HuggingFace.write(
                folder,
                small(false),
                Models.tensors(small(false), Seeds.generator(10)),
                DType.F32,
                600,
                Optional.empty(),
                Optional.empty());
        Path index = folder.resolve("model.safetensors.index.json");
        ObjectNode json = (ObjectNode) Json.MAPPER.readTree(index.toFile());
        String first = json.at("/weight_map/model.embed_tokens.weight").textValue();
        String last = json.at("/weight_map/lm_head.weight").textValue();
        for (String name : List.of("", ".", "..", "\0.safetensors", "config.json")) {
            refusedIndex(index, json, map -> map.put("lm_head.weight", name), "lm_head.weight", "the name of a");
        }
        refusedIndex(
                index,
                json,
                map -> map.put("lm_head.weight", "absent.safetensors"),
                "lm_head.weight",
                "absent.safetensors");
        refusedIndex(
                index,
                json,
                map -> map.put("lm_head.weight", "../x.safetensors"),
                "lm_head.weight",
                "../x.safetensors");
        refusedIndex(index, json, map -> map.put("lm_head.weight", first), "lm_head.weight", "none in " + first);
        refusedIndex(index, json, map -> map.put("more.weight", first), "more.weight", "none in " + first);
        refusedIndex(
                index,
                json,
                map -> map.remove("model.layers.0.input_layernorm.weight"),
                "input_layernorm.weight",
                "no shard at all");
        Files.delete(folder.resolve(last));
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.DATA, "model.safetensors.index.json", last);
        Files.writeString(index, "{\"weight_map\": 3}");
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.DATA, "weight_map", "an object");
    }

    private void refusedIndex(Path index, ObjectNode json, Consumer<ObjectNode> change, String... said)
            throws IOException {
        ObjectNode changed = json.deepCopy();
        change.accept((ObjectNode) changed.get("weight_map"));
        Files.writeString(index, changed.toString());
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.DATA, said);
    }

    @Test
    void whatIsNoModelIsSaid() throws IOException {
        assertFailure(() -> Checkpoint.open(folder.resolve("none")), Failure.Kind.USAGE, "none", "nothing");
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.USAGE, "config.json", "model.safetensors", ".bin");
        Path file = Files.writeString(folder.resolve("model.pt"), "GGUF");
        assertFailure(() -> Checkpoint.open(file), Failure.Kind.USAGE, "model.pt", "another kind");
        writeConfig(folder, small(false));
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.DATA, "no weights", "model.safetensors");
        Files.createFile(folder.resolve("pytorch_model.bin"));
        assertFailure(() -> Checkpoint.open(folder), Failure.Kind.DATA, "pytorch_model.bin", "Convert");
    }

    private static void assertSame(Tensor found, Tensor expected) {
        assertThat(found.name()).isEqualTo(expected.name());
        assertThat(found.dtype()).isEqualTo(expected.dtype());
        assertThat(found.shape()).isEqualTo(expected.shape());
        assertThat(found.data().mismatch(expected.data())).as(found.name()).isEqualTo(-1);
    }

    static void assertFailure(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable call, Failure.Kind kind, String... said) {
        assertThatThrownBy(call).isInstanceOfSatisfying(Failure.class, f -> {
            assertThat(f.kind()).as(f.getMessage()).isEqualTo(kind);
            assertThat(f.getMessage()).contains(said);
        });
    }
}
