package dev.outrider.data.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.Sessions;
import dev.outrider.data.SharedTokenizer;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.shard.Hashes;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.Shards;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A corpus with planted defects goes through the whole pipeline. */
@Tag("slow")
class TextPipelineTest {
    private static final int T = 24;
    private static final Filters FILTERS = new Filters(20, 2000, 0.3, 3, 0.5, 0.4);
    private static final Map<String, Long> EXPECTED = Map.of(
            "read", 145L,
            "kept", 100L,
            "empty", 3L,
            "duplicate", 21L,
            "too_short", 7L,
            "too_long", 2L,
            "repeated_lines", 5L,
            "repeated_ngram", 4L,
            "repeated_character", 3L);

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static SparkSession spark;
    private static Path tokenizer;

    @BeforeAll
    static void open() {
        spark = Sessions.open("local[2]", Map.of());
        tokenizer = TestTokenizer.write(shared);
    }

    @AfterAll
    static void close() {
        spark.stop();
    }

    @Test
    void countsWhatEachFilterRemoved() throws IOException {
        TextReport report = TextPipeline.run(spark, spec(jsonl(corpus()), Packing.SEPARATE, 0.2));
        assertThat(report.counts()).isEqualTo(EXPECTED);
        ShardManifest train = report.train(), valid = report.valid().orElseThrow();
        assertThat(train.documents() + valid.documents()).isEqualTo(100);
        assertThat(valid.documents()).isBetween(8L, 35L);
        assertThat(train.counts()).isEqualTo(EXPECTED);
        assertThat(ShardManifest.read(report.output().resolve("train"))).isEqualTo(train);
    }

    @Test
    void separateRowsSpellTheirDocuments() throws IOException {
        List<String> kept = kept();
        TextReport report = TextPipeline.run(spark, spec(jsonl(corpus()), Packing.SEPARATE, 0.2));
        Map<String, String> texts = texts(report, "train");
        Map<String, String> valid = texts(report, "valid");
        assertThat(texts.keySet()).doesNotContainAnyElementsOf(valid.keySet());
        texts.putAll(valid);
        assertThat(texts).hasSize(kept.size());
        for (String text : kept) assertThat(texts).containsEntry(Hashes.of(text), text);
    }

    /** Text of every document, put together from its rows. */
    private static Map<String, String> texts(TextReport report, String split) {
        Tokenizer tokens = SharedTokenizer.open(tokenizer).tokenizer();
        Map<String, List<Integer>> ids = new HashMap<>();
        try (Shards shards = Shards.open(report.output().resolve(split)).verify()) {
            shards.requireTokenizer(tokens.hash());
            int[] row = new int[T];
            byte[] mask = new byte[T];
            for (long r = 0; r < shards.rows(); r++) {
                shards.read(r, row, 0, mask, 0);
                List<Integer> text = ids.computeIfAbsent(shards.document(r), d -> new ArrayList<>());
                for (int i = 0; i < T; i++) if (mask[i] == 1) text.add(row[i]);
            }
        }
        Map<String, String> out = new TreeMap<>();
        ids.forEach((id, text) -> {
            assertThat(text.getLast()).isEqualTo(tokens.eosId());
            out.put(id, tokens.decode(text.stream().mapToInt(i -> i).toArray()));
        });
        return out;
    }

    @Test
    void joinedRowsAreFull() throws IOException {
        TextReport report = TextPipeline.run(spark, spec(jsonl(corpus()), Packing.JOINED, 0));
        assertThat(report.valid()).isEmpty();
        assertThat(report.output().resolve("valid")).doesNotExist();
        assertThat(report.train().documents()).isEqualTo(100);
        int files = report.train().files().size();
        try (Shards shards = Shards.open(report.output().resolve("train"))) {
            long partial = IntStream.range(0, (int) shards.rows())
                    .filter(r -> shards.length(r) < T)
                    .count();
            assertThat(partial).isLessThanOrEqualTo(files);
        }
    }

    @Test
    void bytesDependOnContentAndSeedAlone() throws IOException {
        List<String> shuffled = new ArrayList<>(corpus());
        java.util.Collections.shuffle(shuffled, new java.util.Random(5));
        Map<String, String> once = files(TextPipeline.run(spark, spec(jsonl(corpus()), Packing.SEPARATE, 0.2)));
        Map<String, String> other = files(TextPipeline.run(spark, spec(parquet(shuffled), Packing.SEPARATE, 0.2)));
        assertThat(once.keySet()).anyMatch(name -> name.endsWith("00001.arrow"));
        assertThat(other).isEqualTo(once);
        spark.stop();
        spark = Sessions.open("local[1]", Map.of("spark.sql.shuffle.partitions", "5"));
        assertThat(files(TextPipeline.run(spark, spec(jsonl(shuffled), Packing.SEPARATE, 0.2))))
                .isEqualTo(once);
    }

    private static Map<String, String> files(TextReport report) throws IOException {
        Map<String, String> out = new TreeMap<>();
        try (Stream<Path> files = Files.walk(report.output())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                out.put(report.output().relativize(file).toString(), Hashes.of(file));
            }
        }
        return out;
    }

    @Test
    void textFilesAreReadByFileBlockAndLine() throws IOException {
        Path texts = Files.createDirectories(folder.resolve("texts/below"));
        Files.writeString(texts.resolve("a.txt"), "first line\nsecond\n\n\n\n third \r\n \r\nfourth\n");
        Files.writeString(texts.getParent().resolve("b.txt"), "fifth");
        assertThat(read(texts.getParent(), Source.Unit.FILE)).hasSize(2);
        assertThat(read(texts.getParent(), Source.Unit.BLOCK))
                .containsExactlyInAnyOrder("first line\nsecond", "third", "fourth", "fifth");
        assertThat(read(texts.getParent(), Source.Unit.LINE))
                .containsExactlyInAnyOrder("first line", "second", "third", "fourth", "fifth");
    }

    private static Set<String> read(Path folder, Source.Unit unit) {
        return new HashSet<>(new Source.Text(List.of(folder.toString()), unit)
                .read(spark).collect().stream()
                        .map(Normalise::text)
                        .filter(t -> !t.isEmpty())
                        .toList());
    }

    @Test
    void wordsAreCountedOncePerDistinctText() throws IOException {
        Source source = jsonl(List.of("low lower low", "low lower  low", "", "lower"));
        Map<String, Long> counts = WordCounts.of(spark, source, 100);
        assertThat(counts.values().stream().mapToLong(n -> n).sum()).isEqualTo(4);
        assertThat(counts.entrySet().stream()
                        .filter(e -> e.getKey().contains("lower"))
                        .mapToLong(Map.Entry::getValue)
                        .sum())
                .isEqualTo(2);
        assertThat(WordCounts.of(spark, source, 1)).hasSize(1);
    }

    @Test
    void nothingLeftShowsTheCounts() throws IOException {
        Source source = jsonl(List.of("short", "short", ""));
        fails(Failure.Kind.DATA, "too_short=1", spec(source, Packing.SEPARATE, 0));
        fails(Failure.Kind.DATA, "read=0", spec(jsonl(List.of()), Packing.SEPARATE, 0));
        assertThat(folder.resolve("out")).doesNotExist();
    }

    @Test
    void badInputIsNamed() throws IOException {
        Path bad = Files.writeString(folder.resolve("bad.jsonl"), "{\"text\":\"fine\"}\n{\"text\": 3}\n");
        fails(Failure.Kind.DATA, "text is no string", spec(source(bad, "text"), Packing.SEPARATE, 0));
        fails(Failure.Kind.DATA, "no field body", spec(source(bad, "body"), Packing.SEPARATE, 0));
        Files.writeString(bad, "{\"text\":\"fi");
        fails(
                Failure.Kind.DATA,
                "bad.jsonl, line that begins {\"text\":\"fi",
                spec(source(bad, "text"), Packing.SEPARATE, 0));
        fails(Failure.Kind.USAGE, "absent", spec(source(folder.resolve("absent"), "text"), Packing.SEPARATE, 0));
        Source.Parquet table = (Source.Parquet) parquet(List.of("a"));
        fails(
                Failure.Kind.DATA,
                "no column of strings named body",
                spec(new Source.Parquet(table.paths(), "body"), Packing.SEPARATE, 0));
        Path damaged = Files.writeString(folder.resolve("damaged.parquet"), "PAR1 and no more");
        fails(
                Failure.Kind.DATA,
                "damaged.parquet",
                spec(new Source.Parquet(List.of(damaged.toString()), "body"), Packing.SEPARATE, 0));
    }

    @Test
    void onlyShardsAreReplaced() throws IOException {
        TextSpec spec = spec(jsonl(corpus()), Packing.JOINED, 0);
        TextPipeline.run(spark, spec);
        assertThat(TextPipeline.run(spark, spec).counts()).isEqualTo(EXPECTED);
        Files.delete(spec.output().resolve("train").resolve(ShardManifest.NAME));
        fails(Failure.Kind.USAGE, "something else than shards", spec);
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        TextSpec unwritable = new TextSpec(
                spec.source(), tokenizer, file.resolve("out"), T, Packing.JOINED, FILTERS, 0, 64, 11, false);
        fails(Failure.Kind.USAGE, "file", unwritable);
    }

    private static void fails(Failure.Kind kind, String text, TextSpec spec) {
        assertThatThrownBy(() -> TextPipeline.run(spark, spec))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(kind))
                .hasMessageContaining(text);
    }

    private TextSpec spec(Source source, Packing packing, double valid) throws IOException {
        Path output = Files.createTempDirectory(folder, "run").resolve("out");
        return new TextSpec(source, tokenizer, output, T, packing, FILTERS, valid, 64, 11, false);
    }

    private static Source source(Path file, String field) {
        return new Source.Jsonl(List.of(file.toString()), field);
    }

    private Source jsonl(List<String> texts) throws IOException {
        Path file = Files.createTempFile(folder, "corpus", ".jsonl");
        var json = new com.fasterxml.jackson.databind.ObjectMapper();
        StringBuilder lines = new StringBuilder();
        for (String text : texts)
            lines.append(json.writeValueAsString(Map.of("text", text))).append('\n');
        Files.writeString(file, lines);
        return source(file, "text");
    }

    private Source parquet(List<String> texts) throws IOException {
        Path file = Files.createTempDirectory(folder, "table").resolve("parquet");
        spark.createDataset(texts, Encoders.STRING())
                .toDF("story")
                .write()
                .mode(SaveMode.Overwrite)
                .parquet(file.toString());
        return new Source.Parquet(List.of(file.toString()), "story");
    }

    private static List<String> kept() {
        RandomGenerator random = Seeds.generator(1);
        return IntStream.range(0, 100)
                .mapToObj(i -> "Story " + i + " of " + words(random, random.nextInt(5, 90)))
                .toList();
    }

    private static List<String> corpus() {
        List<String> out = new ArrayList<>(kept());
        for (int i = 0; i < 20; i++) out.add(" " + out.get(i).replace(" ", "  ") + "\n");
        for (int i = 0; i < 7; i++) out.add("tiny " + i);
        out.add("tiny  0");
        out.addAll(List.of("", " \n", "\u0000"));
        RandomGenerator random = Seeds.generator(2);
        for (int i = 0; i < 2; i++) out.add(words(random, 600));
        for (int i = 0; i < 5; i++) out.add(("the same line " + i + "\n").repeat(3) + words(random, 8));
        for (int i = 0; i < 4; i++)
            out.add("we say it " + i + " ".concat("again and again ").repeat(6));
        for (int i = 0; i < 3; i++) out.add("a".repeat(30 + i) + " and so on");
        return out;
    }

    private static String words(RandomGenerator random, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> random.ints(random.nextInt(3, 8), 'a', 'z' + 1)
                        .mapToObj(Character::toString)
                        .collect(Collectors.joining()))
                .collect(Collectors.joining(" "));
    }
}
