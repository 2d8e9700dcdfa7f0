package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written is what others write, and what is read again. */
class GgufWriterTest {
    @TempDir
    Path folder;

    static Stream<Path> goldenModels() {
        return Shared.files("gguf", ".gguf").stream()
                .filter(p -> p.getFileName().toString().startsWith("llama-"));
    }

    /** Every byte: header, metadata, order, alignment, padding. */
    @ParameterizedTest
    @MethodSource("goldenModels")
    @Tag("goldens")
    void aFileWrittenAgainIsTheSameFile(Path golden) throws IOException {
        Path again = folder.resolve("again.gguf");
        try (GgufFile file = GgufFile.open(golden)) {
            Map<String, GgufValue> metadata = new LinkedHashMap<>();
            file.metadata().keys().forEach(k -> metadata.put(k, file.metadata().value(k)));
            List<GgufWriter.Item> items = new ArrayList<>();
            for (GgufFile.Entry e : file.entries().values()) {
                Tensor t = new Tensor(e.name(), e.type().plain().orElseThrow(), e.shape(), file.data(e));
                items.add(new GgufWriter.Item(e.name(), e.type(), t, 0));
            }
            GgufWriter.write(again, metadata, items);
        }
        assertThat(again).hasSameBinaryContentAs(golden);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "Q8_0"})
    @Tag("goldens")
    void valuesBecomeTheBytesOfGgml(GgufType type) throws IOException {
        Path file = folder.resolve("one.gguf");
        try (Safetensors golden = Safetensors.open(Shared.golden("gguf/types.safetensors"))) {
            GgufWriter.write(file, Map.of(), List.of(new GgufWriter.Item("x", type, golden.tensor("source"), 0)));
            try (GgufFile written = GgufFile.open(file)) {
                GgufFile.Entry entry = written.entries().get("x");
                assertThat(written.data(entry)
                                .mismatch(golden.tensor("bytes." + type).data()))
                        .isEqualTo(-1);
            }
        }
    }

    /** The directory as our converter writes it holds the tensors of llama.cpp's own converter. */
    @ParameterizedTest
    @MethodSource("goldenModels")
    @Tag("goldens")
    void aModelIsWrittenAsLlamaCppConvertsIt(Path golden) {
        String name = golden.getFileName().toString();
        Path source = golden.resolve("../../llama/" + name.substring(6, name.length() - 5) + "/model");
        Path file = folder.resolve("model.gguf");
        try (Checkpoint model = Checkpoint.open(source.normalize());
                GgufFile expected = GgufFile.open(golden)) {
            List<Tensor> tensors = model.names().stream().map(model::tensor).toList();
            GgufType type = GgufType.of(model.config().dtype());
            Gguf.write(file, model.config(), tensors, type, name, GgufVocabulary.of(expected.metadata()));
            try (GgufFile found = GgufFile.open(file)) {
                assertThat(found.entries().keySet())
                        .containsExactlyInAnyOrderElementsOf(expected.entries().keySet());
                expected.entries().values().forEach(e -> assertSameTensor(found, expected, e));
                assertThat(found.metadata().keys())
                        .containsAll(expected.metadata().keys());
            }
        }
    }

    private static void assertSameTensor(GgufFile found, GgufFile expected, GgufFile.Entry entry) {
        GgufFile.Entry ours = found.entries().get(entry.name());
        assertThat(ours.type()).as(entry.name()).isEqualTo(entry.type());
        assertThat(ours.shape()).as(entry.name()).isEqualTo(entry.shape());
        assertThat(found.data(ours).mismatch(expected.data(entry)))
                .as(entry.name())
                .isEqualTo(-1);
    }

    @Test
    void everyModelComesBack() {
        Seeds.run(60, random -> {
            ModelConfig config = Models.config(random);
            List<Tensor> tensors = Models.tensors(config, random);
            Path file = folder.resolve("m.gguf");
            Gguf.write(file, config, tensors, GgufType.of(config.dtype()), "random", GgufVocabulary.none());
            try (Checkpoint read = Checkpoint.open(file)) {
                assertThat(withoutTokens(read.config())).isEqualTo(withoutTokens(config));
                for (Tensor t : tensors) {
                    assertThat(read.tensor(t.name()).floats()).as(t.name()).containsExactly(t.floats());
                }
            }
        });
    }

    // The ids belong to the tokenizer there; floats are single, and scaling is a list of divisors.
    private static String withoutTokens(ModelConfig c) {
        return "%s %s %s %s %s %s"
                .formatted(
                        Arrays.asList(
                                c.vocabSize(),
                                c.hiddenSize(),
                                c.intermediateSize(),
                                c.layers(),
                                c.heads(),
                                c.kvHeads()),
                        Arrays.asList(
                                c.headDim(), c.maxPositions(), c.tiedEmbeddings(), c.attentionBias(), c.mlpBias()),
                        c.dtype(),
                        (float) c.rmsNormEps(),
                        (float) c.ropeTheta(),
                        Arrays.toString(singles(c.ropeScaling().divisors(c.headDim() / 2, (float) c.ropeTheta()))));
    }

    // Five digits: theta is a single, and so is a divisor.
    private static String[] singles(double[] values) {
        return Arrays.stream(values).mapToObj("%.4e"::formatted).toArray(String[]::new);
    }

    @Test
    void q8IsWithinHalfAStep() {
        Seeds.run(20, random -> {
            Tensor t = Models.tensor("x", DType.F32, random, random.nextInt(1, 9), 32L * random.nextInt(1, 5));
            Path file = folder.resolve("q.gguf");
            GgufWriter.write(file, Map.of(), List.of(new GgufWriter.Item("x", GgufType.Q8_0, t, 0)));
            float[] back = read(file), values = t.floats();
            for (int at = 0; at < values.length; at += 32) {
                float most = 0;
                for (int i = at; i < at + 32; i++) most = Math.max(most, Math.abs(values[i]));
                // half a step, and float16's own rounding of the step times 127
                double tolerance = most / 127 * (0.5 + 127 * 0x1p-11);
                for (int i = at; i < at + 32; i++)
                    assertThat(Math.abs(back[i] - values[i])).isLessThan((float) tolerance);
            }
        });
    }

    private float[] read(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            GgufFile.Entry e = file.entries().get("x");
            var to = file.arena().allocate(4 * Tensor.elements(e.shape()), 4);
            GgufBlocks.dequantise(e.type(), file.data(e), to);
            return new Tensor("x", DType.F32, e.shape(), to).floats();
        }
    }

    @Test
    void whatGgufCannotHoldIsRefused() {
        RandomGenerator random = Seeds.generator(1);
        Tensor infinite = Tensor.of("x", filled(Float.POSITIVE_INFINITY), 1, 32);
        Path file = folder.resolve("x.gguf");
        assertThatThrownBy(() ->
                        GgufWriter.write(file, Map.of(), List.of(new GgufWriter.Item("x", GgufType.Q8_0, infinite, 0))))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("tensor x", "Infinity");
        ModelConfig config = Models.config(random);
        List<Tensor> tensors = Models.tensors(config, random);
        assertThatThrownBy(() -> Gguf.write(
                        file, config, tensors.subList(1, tensors.size()), GgufType.F32, "", GgufVocabulary.none()))
                .isInstanceOf(Failure.class)
                .hasMessageContainingAll("model.embed_tokens.weight");
    }

    private static float[] filled(float value) {
        float[] values = new float[32];
        Arrays.fill(values, value);
        return values;
    }
}
