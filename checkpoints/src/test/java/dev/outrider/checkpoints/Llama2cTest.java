package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** llama2.c's files: order of tensors, rotary order of queries and keys, exact size. */
class Llama2cTest {
    @TempDir
    Path folder;

    private static final int DIM = 8,
            HIDDEN = 6,
            LAYERS = 2,
            HEADS = 2,
            KV = 1,
            VOCAB = 5,
            LENGTH = 3,
            HEAD = DIM / HEADS;

    // Every value is its own position in the file, so that a value tells where it was read.
    private Path written(boolean tied, int extra) throws IOException {
        int floats = VOCAB * DIM
                + LAYERS * (2 * DIM + 2 * DIM * DIM + 2 * KV * HEAD * DIM + 3 * DIM * HIDDEN)
                + DIM
                + LENGTH * HEAD
                + (tied ? 0 : VOCAB * DIM);
        ByteBuffer out = ByteBuffer.allocate(28 + 4 * floats + extra).order(ByteOrder.LITTLE_ENDIAN);
        for (int i : new int[] {DIM, HIDDEN, LAYERS, HEADS, KV, tied ? VOCAB : -VOCAB, LENGTH}) out.putInt(i);
        for (int i = 0; i < floats; i++) out.putFloat(i);
        return Files.write(folder.resolve("m.bin"), out.array());
    }

    @Test
    void tensorsAreFoundWhereTheFormPutsThem() throws IOException {
        try (Checkpoint model = Checkpoint.open(written(false, 0))) {
            int at = VOCAB * DIM;
            assertFrom(model, "model.embed_tokens.weight", 0);
            assertFrom(model, "model.layers.1.input_layernorm.weight", at + DIM);
            at += LAYERS * DIM + 2 * LAYERS * (DIM * DIM) / 2 + LAYERS * KV * HEAD * DIM; // norms, q, k
            assertFrom(model, "model.layers.0.self_attn.v_proj.weight", at);
            at += LAYERS * KV * HEAD * DIM;
            assertFrom(model, "model.layers.1.self_attn.o_proj.weight", at + DIM * DIM);
            at += LAYERS * DIM * DIM;
            assertFrom(model, "model.layers.0.post_attention_layernorm.weight", at);
            at += LAYERS * DIM;
            assertFrom(model, "model.layers.0.mlp.gate_proj.weight", at);
            assertFrom(model, "model.layers.0.mlp.down_proj.weight", at + LAYERS * DIM * HIDDEN);
            assertFrom(model, "model.layers.1.mlp.up_proj.weight", at + 5 * DIM * HIDDEN);
            at += 3 * LAYERS * DIM * HIDDEN;
            assertFrom(model, "model.norm.weight", at);
            assertFrom(model, "lm_head.weight", at + DIM + LENGTH * HEAD);
            assertThat(model.config().tiedEmbeddings()).isFalse();
        }
        try (Checkpoint model = Checkpoint.open(written(true, 0))) {
            assertThat(model.has("lm_head.weight")).isFalse();
            assertThat(model.config().maxPositions()).isEqualTo(LENGTH);
        }
    }

    private static void assertFrom(Checkpoint model, String name, float first) {
        float[] values = model.tensor(name).floats();
        for (int i = 0; i < values.length; i++) assertThat(values[i]).as(name).isEqualTo(first + i);
    }

    /** A rotation of neighbours on the file's rows is a rotation of halves on ours, for queries and keys. */
    @Test
    void rowsOfQueriesAndKeysComeInHalfSplitOrder() throws IOException {
        try (Checkpoint model = Checkpoint.open(written(true, 0))) {
            float q = VOCAB * DIM + LAYERS * DIM, k = q + LAYERS * DIM * DIM;
            assertRows(model.tensor("model.layers.0.self_attn.q_proj.weight"), q, 0, 2, 1, 3, 4, 6, 5, 7);
            assertRows(model.tensor("model.layers.1.self_attn.k_proj.weight"), k + KV * HEAD * DIM, 0, 2, 1, 3);
        }
    }

    private static void assertRows(Tensor tensor, float first, int... rows) {
        float[] values = tensor.floats();
        int[] found = new int[rows.length];
        for (int r = 0; r < rows.length; r++) found[r] = Math.round((values[r * DIM] - first) / DIM);
        assertThat(found).as(Arrays.toString(values)).isEqualTo(rows);
    }

    @Test
    void aFileOfAnotherSizeIsRefused() throws IOException {
        Path longer = written(true, 4);
        long size = Files.size(longer);
        assertFailure(
                () -> Checkpoint.open(longer), Failure.Kind.DATA, "m.bin", size + " bytes", (size - 4) + " bytes");
        byte[] bytes = Files.readAllBytes(longer);
        for (int cut : new int[] {0, 1, 27, 28, bytes.length - 5}) {
            Files.write(longer, Arrays.copyOf(bytes, cut));
            assertFailure(() -> Checkpoint.open(longer), Failure.Kind.DATA, "m.bin", cut + " bytes");
        }
    }

    @Test
    void anAbsurdHeaderIsRefused() throws IOException {
        refused("n_layers 2147483647", 2, Integer.MAX_VALUE);
        refused("dim 0", 0, 0);
        refused("n_heads -1", 3, -1);
        refused("n_kv_heads 3", 4, 3);
        refused("dim 9", 0, 9);
        refused("vocab_size", 5, Integer.MIN_VALUE);
        refused("version", 0, 0x616b3432);
        refused("bytes", 1, Integer.MAX_VALUE);
        refused("bytes", 6, Integer.MAX_VALUE);
    }

    private void refused(String said, int field, int value) throws IOException {
        Path file = written(true, 0);
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(4 * field, value);
        Files.write(file, bytes);
        assertFailure(() -> Checkpoint.open(file), Failure.Kind.DATA, "m.bin", said);
    }

    @Test
    void theRealOneIsRead() {
        try (Checkpoint model = Checkpoint.open(Shared.asset("stories260K/stories260K.bin"))) {
            assertThat(model.config().parameters()).isBetween(250_000L, 270_000L);
            long elements = model.names().stream()
                    .mapToLong(n -> model.tensor(n).elements())
                    .sum();
            assertThat(elements).isEqualTo(model.config().parameters());
            assertThat(model.tokenizer())
                    .hasValueSatisfying(
                            t -> assertThat(t.size()).isEqualTo(model.config().vocabSize()));
            // Trained norms lie around one; any slip of an offset would show.
            double[] norm = model.tensor("model.norm.weight").doubles();
            assertThat(Arrays.stream(norm).average().orElseThrow()).isBetween(0.5, 20.0);
            assertThat(Arrays.stream(norm).min().orElseThrow()).isPositive();
        }
    }

    @Test
    void theRealOneBecomesAHuggingFaceDirectory() {
        Path exported = folder.resolve("exported");
        try (Checkpoint model = Checkpoint.open(Shared.asset("stories260K/stories260K.bin"))) {
            List<Tensor> tensors = model.names().stream().map(model::tensor).toList();
            HuggingFace.write(exported, model.config(), tensors, model.tokenizer(), Optional.empty());
            try (Checkpoint read = Checkpoint.open(exported)) {
                assertThat(read.config()).isEqualTo(model.config());
                assertThat(read.hash()).isEqualTo(model.hash());
                assertThat(read.requireTokenizer().encode("Once upon a time", false))
                        .isEqualTo(model.requireTokenizer().encode("Once upon a time", false));
            }
        }
    }
}
