package dev.outrider.checkpoints;

import static dev.outrider.checkpoints.HuggingFaceTest.assertFailure;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Reading and writing of safetensors; every way in which a file can be wrong is refused with its place. */
class SafetensorsTest {
    @TempDir
    Path folder;

    private static final String A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    private static String b(String shape, long begin, long end) {
        return "\"b\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + "," + end + "]}";
    }

    private static String a(String dtype, String shape, String offsets) {
        return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
    }

    private Path file(String header, int data) throws IOException {
        return file(header.getBytes(StandardCharsets.UTF_8).length, header, data);
    }

    private Path file(long declared, String header, int data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer out = ByteBuffer.allocate(8 + json.length + data).order(ByteOrder.LITTLE_ENDIAN);
        return Files.write(
                folder.resolve("t.safetensors"), out.putLong(declared).put(json).array());
    }

    static Stream<Arguments> malformed() {
        String two = "{" + A + "," + b("[1]", 8, 12) + "}";
        return Stream.of(
                Arguments.of(
                        "gap",
                        "{" + A + "," + b("[1]", 9, 13) + "}",
                        13,
                        List.of("tensor b", "a gap of 1 bytes behind a")),
                Arguments.of(
                        "gap at the begin", "{" + b("[1]", 4, 8) + "}", 8, List.of("tensor b", "a gap of 4 bytes")),
                Arguments.of(
                        "overlap", "{" + A + "," + b("[1]", 4, 8) + "}", 8, List.of("tensor b", "an overlap with a")),
                Arguments.of(
                        "the same bytes twice",
                        "{" + A + "," + b("[2]", 0, 8) + "}",
                        8,
                        List.of("tensor b", "overlap")),
                Arguments.of("cut short", two, 11, List.of("tensor b", "offset ", "cut short")),
                Arguments.of("too long", two, 13, List.of("1 bytes behind b", "end of the file")),
                Arguments.of(
                        "size and shape differ",
                        "{" + A + "," + b("[2]", 8, 12) + "}",
                        12,
                        List.of("tensor b", "4 bytes", "8 for F32 [2]")),
                Arguments.of(
                        "offsets reversed",
                        a("\"F32\"", "[1]", "[4,0]"),
                        4,
                        List.of("tensor a", "data_offsets", "[4,0]")),
                Arguments.of("one offset", a("\"F32\"", "[1]", "[0]"), 4, List.of("tensor a", "data_offsets")),
                Arguments.of(
                        "a negative offset", a("\"F32\"", "[1]", "[-4,0]"), 4, List.of("tensor a", "data_offsets")),
                Arguments.of("offsets far out", a("\"F32\"", "[1]", "[0,9223372036854775807]"), 4, List.of("tensor a")),
                Arguments.of(
                        "an offset beyond 2^63",
                        a("\"F32\"", "[1]", "[0,9223372036854775808]"),
                        4,
                        List.of("tensor a", "2^63")),
                Arguments.of(
                        "unknown type", a("\"F8_E4M3\"", "[4]", "[0,4]"), 4, List.of("tensor a", "F8_E4M3", "BF16")),
                Arguments.of("no type", a("null", "[1]", "[0,4]"), 4, List.of("tensor a", "dtype")),
                Arguments.of("a negative size", a("\"F32\"", "[-1]", "[0,4]"), 4, List.of("tensor a", "shape", "[-1]")),
                Arguments.of("a fraction", a("\"F32\"", "[1.5]", "[0,4]"), 4, List.of("tensor a", "shape")),
                Arguments.of("no shape", a("\"F32\"", "null", "[0,4]"), 4, List.of("tensor a", "shape")),
                Arguments.of(
                        "overflow",
                        a("\"F32\"", "[4294967296,4294967296]", "[0,0]"),
                        0,
                        List.of("tensor a", "shape", "2^63")),
                Arguments.of(
                        "overflow of bytes",
                        a("\"F64\"", "[2305843009213693952]", "[0,0]"),
                        0,
                        List.of("tensor a", "2^63")),
                Arguments.of("the name twice", "{" + A + "," + A + "}", 8, List.of("Duplicate", "'a'", "header")),
                Arguments.of("a number as tensor", "{\"a\":3}", 0, List.of("tensor a", "JSON object")),
                Arguments.of(
                        "metadata of numbers",
                        "{\"__metadata__\":{\"k\":1}," + A + "}",
                        8,
                        List.of("__metadata__", "key k")),
                Arguments.of("no JSON", "{\"a\":", 0, List.of("header at offset 8")),
                Arguments.of("two documents", "{" + A + "}{}", 8, List.of("header at offset 8")),
                Arguments.of("a list", "[1]", 0, List.of("offset 8", "'{'")),
                Arguments.of("broken UTF-8 or noise", "\u0000\u0001\u0002", 0, List.of("offset 8", "0x0")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void malformedFilesAreRefused(String what, String header, int data, List<String> said) throws IOException {
        Path file = file(header, data);
        List<String> all = new ArrayList<>(said);
        all.add("t.safetensors");
        assertFailure(() -> Safetensors.open(file), Failure.Kind.DATA, all.toArray(String[]::new));
    }

    @Test
    void absurdHeaderSizesAreRefused() throws IOException {
        for (long declared : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001, 60}) {
            Path file = file(declared, "{}", 40);
            assertFailure(
                    () -> Safetensors.open(file),
                    Failure.Kind.DATA,
                    "t.safetensors",
                    "offset 0",
                    "header of " + Long.toUnsignedString(declared));
        }
    }

    @Test
    void theAbsentFileIsNamed() {
        assertFailure(
                () -> Safetensors.open(folder.resolve("no.safetensors")),
                Failure.Kind.DATA,
                "no.safetensors",
                "no such file");
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        Path whole = folder.resolve("whole.safetensors"), cut = folder.resolve("cut.safetensors");
        Safetensors.write(
                whole,
                List.of(Tensor.of("x", new float[] {1, 2, 3}, 3), Tensor.of("y", new float[] {4}, 1, 1)),
                Map.of("k", "v"));
        byte[] bytes = Files.readAllBytes(whole);
        for (int length = 0; length < bytes.length; length++) {
            Files.write(cut, Arrays.copyOf(bytes, length));
            assertFailure(() -> Safetensors.open(cut), Failure.Kind.DATA, "cut.safetensors");
        }
    }

    /** A damaged file is refused, or still whole in its own terms; never another exception, never outside the file. */
    @Test
    void damageNeverGoesUnnoticedByTheReader() throws IOException {
        Path whole = folder.resolve("whole.safetensors");
        Safetensors.write(
                whole,
                List.of(Tensor.of("x", new float[6], 2, 3), Tensor.of("y", new float[] {4}, 1)),
                Map.of("k", "v"));
        byte[] bytes = Files.readAllBytes(whole);
        Seeds.run(300, random -> {
            byte[] damaged = bytes.clone();
            for (int i = random.nextInt(1, 4); i > 0; i--)
                damaged[random.nextInt(bytes.length)] = (byte) random.nextInt();
            Path file = Files.write(folder.resolve("damaged.safetensors"), damaged);
            try (Safetensors read = Safetensors.open(file)) {
                long elements = read.names().stream()
                        .mapToLong(n -> read.tensor(n).doubles().length)
                        .sum();
                assertThat(elements).isBetween(0L, (long) bytes.length);
            } catch (Failure f) {
                assertThat(f.kind()).isEqualTo(Failure.Kind.DATA);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyTypeComesBack(DType type) {
        byte[] bytes = new byte[6 * type.bytes];
        Seeds.generator(type.ordinal()).nextBytes(bytes);
        if (type == DType.BOOL) for (int i = 0; i < bytes.length; i++) bytes[i] &= 1;
        Tensor written = new Tensor("t", type, new long[] {2, 3}, MemorySegment.ofArray(bytes));
        Path file = folder.resolve("t.safetensors");
        Safetensors.write(file, List.of(written), Map.of("format", "pt", "note", "ü \"q\""));
        try (Safetensors read = Safetensors.open(file)) {
            assertThat(read.metadata()).containsExactlyInAnyOrderEntriesOf(Map.of("format", "pt", "note", "ü \"q\""));
            Tensor found = read.tensor("t");
            assertThat(found.dtype()).isEqualTo(type);
            assertThat(found.shape()).containsExactly(2, 3);
            assertThat(found.data().mismatch(written.data())).isEqualTo(-1);
        }
    }

    @Test
    void scalarsAndEmptyTensorsHaveTheirPlace() {
        Path file = folder.resolve("t.safetensors");
        Safetensors.write(
                file, List.of(Tensor.of("scalar", new float[] {7}), Tensor.of("empty", new float[0], 3, 0)), Map.of());
        try (Safetensors read = Safetensors.open(file)) {
            assertThat(read.tensor("scalar").floats()).containsExactly(7);
            assertThat(read.tensor("empty").shape()).containsExactly(3, 0);
            assertThat(read.metadata()).isEmpty();
            assertFailure(() -> read.tensor("other"), Failure.Kind.DATA, "tensor other", "scalar");
        }
    }

    @Test
    void dataIsAlignedAndWideTypesGoFirst() throws IOException {
        Seeds.run(20, random -> {
            Path file = folder.resolve("t.safetensors");
            Tensor bytes = new Tensor("a", DType.U8, new long[] {3}, MemorySegment.ofArray(new byte[3]));
            Tensor halves = new Tensor(
                    "b" + "x".repeat(random.nextInt(9)),
                    DType.BF16,
                    new long[] {1},
                    MemorySegment.ofArray(new byte[2]));
            Safetensors.write(file, List.of(bytes, halves, Tensor.of("c", new float[] {1}, 1)), Map.of());
            try (Safetensors read = Safetensors.open(file)) {
                assertThat(read.names()).containsExactly("c", halves.name(), "a");
                long start = read.tensor("c").data().address();
                assertThat(start % 8).isZero();
            }
        });
    }

    /** Only the pages that are touched are read: three gigabytes of nothing cost nothing. */
    @Test
    void aFileAboveTwoGigabytesIsMapped() throws IOException {
        long big = 3_000_000_000L;
        String header = "{\"big\":{\"dtype\":\"U8\",\"shape\":[" + big + "],\"data_offsets\":[0," + big + "]},"
                + "\"tiny\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + big + "," + (big + 8) + "]}}";
        Path file = file(header, 0);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer tail = ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(1.5f)
                    .putFloat(-2);
            channel.write(tail.flip(), channel.size() + big);
        }
        try (Safetensors read = Safetensors.open(file)) {
            assertThat(read.tensor("tiny").floats()).containsExactly(1.5f, -2);
            assertThat(read.tensor("big").elements()).isEqualTo(big);
            assertThat(read.tensor("big").value(big - 1)).isZero();
        }
    }
}
