package dev.outrider.checkpoints;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged GGUF files, written by hand: each refused with what is wrong and where. */
class GgufDamageTest {
    private static final int F32 = 0, UINT32 = 4, STRING = 8, ARRAY = 9;

    @TempDir
    Path folder;

    /** Bytes of a file as they come. */
    private record Bytes(ByteBuffer buffer) {
        Bytes() {
            this(ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN));
        }

        static Bytes header(int version, long tensors, long pairs) {
            return new Bytes().put("GGUF").int32(version).int64(tensors).int64(pairs);
        }

        Bytes put(String raw) {
            buffer.put(raw.getBytes(StandardCharsets.UTF_8));
            return this;
        }

        Bytes int32(int value) {
            buffer.putInt(value);
            return this;
        }

        Bytes int64(long value) {
            buffer.putLong(value);
            return this;
        }

        Bytes text(String text) {
            return int64(text.getBytes(StandardCharsets.UTF_8).length).put(text);
        }

        Bytes pair(String key, int value) {
            return text(key).int32(UINT32).int32(value);
        }

        Bytes tensor(String name, int type, long offset, long... sizes) {
            text(name).int32(sizes.length);
            for (long size : sizes) int64(size);
            return int32(type).int64(offset);
        }

        /** Aligned to 32, then so many zeros. */
        Bytes data(int count) {
            buffer.position((buffer.position() + 31) / 32 * 32 + count);
            return this;
        }

        byte[] all() {
            return Arrays.copyOf(buffer.array(), buffer.position());
        }
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("x.gguf"), bytes);
    }

    private void refused(Bytes bytes, String... parts) throws IOException {
        Path file = write(bytes.all());
        Failure failure = catchThrowableOfType(Failure.class, () -> GgufFile.open(file));
        assertThat(failure).as("refused").isNotNull();
        assertThat(failure.kind()).isEqualTo(Failure.Kind.DATA);
        assertThat(failure).hasMessageContaining(file.toString()).hasMessageContainingAll(parts);
    }

    private static Bytes good(int version) {
        return Bytes.header(version, 1, 1)
                .pair("a", 7)
                .tensor("t", F32, 0, 3, 2)
                .data(24);
    }

    @Test
    void versionsTwoAndThreeAreRead() throws IOException {
        for (int version : new int[] {2, 3}) {
            try (GgufFile file = GgufFile.open(write(good(version).all()))) {
                assertThat(file.metadata().integer("a")).contains(7);
                assertThat(file.entries().get("t").shape()).containsExactly(2, 3);
            }
        }
    }

    @Test
    void noGguf() throws IOException {
        refused(new Bytes(), "a file of 0 bytes");
        refused(new Bytes().put("GGUF"), "a file of 4 bytes");
        refused(new Bytes().put("GGML").int32(3).int64(0).int64(0), "0x47474d4c", "GGUF");
    }

    @Test
    void otherVersions() throws IOException {
        refused(Bytes.header(4, 0, 0), "version 4", "2 or 3");
        refused(Bytes.header(1, 0, 0), "version 1", "2 or 3");
        refused(Bytes.header(3 << 24, 0, 0), "big-endian");
    }

    /** Wherever the file ends, it is said; and nobody asks for memory by what the file claims. */
    @Test
    void cutShortAnywhere() throws IOException {
        byte[] whole = good(3).all();
        for (int length = 0; length < whole.length; length++) {
            Path file = write(Arrays.copyOf(whole, length));
            Failure failure = catchThrowableOfType(Failure.class, () -> GgufFile.open(file));
            assertThat(failure).as("cut at " + length).isNotNull();
        }
        refused(new Bytes(ByteBuffer.wrap(whole).position(whole.length - 1)), "tensor t", "cut short", "24 bytes");
    }

    @Test
    void absurdCounts() throws IOException {
        refused(Bytes.header(3, 1L << 40, 0), "1099511627776 tensors");
        refused(Bytes.header(3, 0, -1), "18446744073709551615 metadata pairs");
        refused(Bytes.header(3, 0, 1).int64(1L << 50).int64(0), "pair 0", "bytes of text");
        Consumer<Bytes> array = b -> b.text("k").int32(ARRAY).int32(STRING).int64(1L << 30);
        Bytes bytes = Bytes.header(3, 0, 1);
        array.accept(bytes);
        refused(bytes, "metadata k", "1073741824 elements");
    }

    @Test
    void arraysWithoutEnd() throws IOException {
        Bytes bytes = Bytes.header(3, 0, 1).text("k").int32(ARRAY);
        for (int i = 0; i < 100; i++) bytes.int32(ARRAY).int64(1);
        refused(bytes, "metadata k", "arrays in arrays");
    }

    @Test
    void unknownTypes() throws IOException {
        refused(Bytes.header(3, 0, 1).text("k").int32(99).int32(0), "metadata k", "type 99");
        refused(
                Bytes.header(3, 1, 0).tensor("odd", 16, 0, 256).data(66),
                "tensor odd",
                "unknown tensor type 16",
                "Q4_K (12)");
    }

    @Test
    void brokenShapes() throws IOException {
        refused(Bytes.header(3, 1, 0).tensor("t", F32, 0, 1, 1, 1, 1, 1).data(4), "tensor t", "5 dimensions");
        refused(Bytes.header(3, 1, 0).tensor("t", F32, 0, 0).data(4), "tensor t", "a size of 0");
        refused(Bytes.header(3, 1, 0).tensor("t", F32, 0, 1L << 40, 1L << 40).data(4), "tensor t", "a size of");
        refused(Bytes.header(3, 1, 0).tensor("t", 8, 0, 33).data(68), "tensor t", "rows of 33", "multiple of 32");
    }

    @Test
    void misplacedData() throws IOException {
        refused(Bytes.header(3, 1, 0).tensor("t", F32, 8, 1).data(64), "tensor t", "offset 8", "alignment, 32");
        refused(Bytes.header(3, 1, 0).tensor("t", F32, -32, 1).data(64), "tensor t", "alignment");
        refused(Bytes.header(3, 1, 0).tensor("t", F32, 1L << 50, 1).data(64), "tensor t", "cut short");
        refused(Bytes.header(3, 0, 1).pair("general.alignment", 12), "general.alignment", "12");
    }

    @Test
    void twice() throws IOException {
        refused(Bytes.header(3, 0, 2).pair("k", 1).pair("k", 2), "second time");
        refused(
                Bytes.header(3, 2, 0)
                        .tensor("t", F32, 0, 1)
                        .tensor("t", F32, 32, 1)
                        .data(64),
                "tensor t",
                "second time");
    }

    @Test
    void otherArchitectures() throws IOException {
        Bytes bytes =
                Bytes.header(3, 0, 1).text("general.architecture").int32(STRING).text("gemma3");
        Path file = write(bytes.all());
        Failure failure = catchThrowableOfType(Failure.class, () -> Checkpoint.open(file));
        assertThat(failure).hasMessageContainingAll("general.architecture", "gemma3", "llama");
    }
}
