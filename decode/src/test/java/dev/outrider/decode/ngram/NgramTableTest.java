package dev.outrider.decode.ngram;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NgramTableTest {
    @TempDir
    Path folder;

    /** Contexts, each with its followers and their counts, by maps. */
    private static Map<List<Integer>, Map<Integer, Integer>> naive(List<int[]> texts, int order) {
        Map<List<Integer>, Map<Integer, Integer>> counts = new HashMap<>();
        for (int[] text : texts) {
            for (int i = 0; i < text.length; i++) {
                for (int k = 0; k < order && k <= i; k++) {
                    List<Integer> context =
                            Arrays.stream(text, i - k, i).boxed().toList();
                    counts.computeIfAbsent(context, c -> new TreeMap<>()).merge(text[i], 1, Integer::sum);
                }
            }
        }
        return counts;
    }

    private static List<int[]> texts(java.util.random.RandomGenerator random, int vocabulary) {
        List<int[]> texts = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            // Squares make small ids frequent.
            texts.add(IntStream.range(0, random.nextInt(1, 400))
                    .map(t -> (int) (vocabulary * Math.pow(random.nextDouble(), 3)))
                    .toArray());
        }
        return texts;
    }

    @Test
    void everyContextHasItsFollowersInFallingOrder() {
        Seeds.run(8, random -> {
            int vocabulary = random.nextInt(2, 3000);
            int order = random.nextInt(1, 6);
            List<int[]> texts = texts(random, vocabulary);
            NgramTable table = NgramTable.of(vocabulary, order, texts);
            assertThat(table.verify().header().tokens())
                    .isEqualTo(texts.stream().mapToInt(t -> t.length).sum());
            agrees(table, naive(texts, order), Integer.MAX_VALUE, 1);
        });
    }

    @Test
    void frequentContextsKeepTheirMostFrequentFollowers() {
        Seeds.run(4, random -> {
            List<int[]> texts = texts(random, 50);
            NgramCounter counter = new NgramCounter(50, 4);
            texts.forEach(counter::count);
            NgramTable table = NgramTable.of(50, "", counter, 3, 2, Map.of());
            agrees(table, naive(texts, 4), 3, 2);
        });
    }

    private static void agrees(
            NgramTable table, Map<List<Integer>, Map<Integer, Integer>> expected, int most, int least) {
        Followers followers = table.followers();
        expected.forEach((context, counts) -> {
            int total = counts.values().stream().mapToInt(n -> n).sum();
            int[] text = context.stream().mapToInt(t -> t).toArray();
            boolean kept = text.length == 0 || total >= least;
            assertThat(followers.find(text, text.length, text.length)).isEqualTo(kept);
            if (!kept) return;
            assertThat(followers.total()).isEqualTo(total);
            var ranked = counts.entrySet().stream()
                    .sorted(Map.Entry.<Integer, Integer>comparingByValue(Comparator.reverseOrder())
                            .thenComparing(Map.Entry.comparingByKey()))
                    .limit(text.length == 0 ? Integer.MAX_VALUE : most)
                    .collect(Collectors.toList());
            assertThat(IntStream.range(0, followers.size())
                            .mapToObj(i -> Map.entry(followers.id(i), followers.count(i))))
                    .isEqualTo(ranked);
        });
    }

    @Test
    void anUnknownContextIsNotFound() {
        NgramTable table = NgramTable.of(100, 4, List.of(new int[] {1, 2, 3, 4, 5}));
        Followers followers = table.followers();
        int[] text = {9, 3, 4};
        assertThat(followers.find(text, 3, 3)).isFalse();
        assertThat(followers.find(text, 3, 2)).isTrue();
        assertThat(followers.id(0)).isEqualTo(5);
        assertThat(followers.find(text, 1, 2))
                .as("a context longer than the text")
                .isFalse();
        assertThat(followers.find(text, 3, 4))
                .as("a context longer than the table's")
                .isFalse();
    }

    /** The way of Spark: counts of parts, brought together by ranges of keys. */
    @Test
    void countsInPartsMakeTheSameTable() {
        Seeds.run(4, random -> {
            List<int[]> texts = texts(random, 300);
            NgramTable whole = NgramTable.of(300, 3, texts);
            NgramCounter one = new NgramCounter(300, 3);
            NgramCounter two = new NgramCounter(300, 3);
            for (int i = 0; i < texts.size(); i++) (i % 2 == 0 ? one : two).count(texts.get(i));
            Path file = folder.resolve("table");
            NgramCounts[][] parts = new NgramCounts[3][];
            for (int k = 0; k < 3; k++) {
                NgramCounts[] a = one.counts()[k].split(5);
                NgramCounts[] b = two.counts()[k].split(5);
                parts[k] = new NgramCounts[5];
                for (int part = 0; part < 5; part++) {
                    NgramCounts both = new NgramCounts(0);
                    both.addAll(a[part]);
                    both.addAll(b[part]);
                    parts[k][part] = both.sum().prune(Integer.MAX_VALUE, 1);
                }
            }
            NgramTable.write(file, whole.header(), writer -> {
                for (int k = 0; k < 3; k++) for (NgramCounts part : parts[k]) writer.add(k, part);
            });
            Path other = folder.resolve("other");
            whole.write(other);
            assertThat(Files.mismatch(file, other)).isEqualTo(-1);
        });
    }

    @Test
    void aFileSaysWhereItComesFrom() {
        NgramCounter counter = new NgramCounter(10, 2);
        counter.count(new int[] {1, 2, 3}, 2, 3);
        Path file = folder.resolve("table");
        NgramTable.of(10, "abc", counter, 8, 1, Map.of("target", "Zoë", "z", ""))
                .write(file);
        try (NgramTable table = NgramTable.open(file).verify().requireTokenizer("abc")) {
            assertThat(table.header().facts()).containsExactly(Map.entry("target", "Zoë"), Map.entry("z", ""));
            assertThat(table.header().tokens()).isEqualTo(1);
            assertThat(table.header().contexts()).containsExactly(1, 1);
            Followers followers = table.followers();
            assertThat(followers.find(new int[] {2}, 1, 1)).isTrue();
            assertThat(followers.id(0)).isEqualTo(3);
            assertThat(followers.find(new int[] {1}, 1, 1)).as("context only").isFalse();
            assertThatThrownBy(() -> table.requireTokenizer("other"))
                    .isInstanceOf(Failure.class)
                    .hasMessageContaining("tokenizer abc");
        }
    }

    @Test
    void threadsShareOneTable() {
        List<int[]> texts = texts(Seeds.generator(3), 100);
        Path file = folder.resolve("shared");
        NgramTable.of(100, 3, texts).write(file);
        try (NgramTable table = NgramTable.open(file)) {
            IntStream.range(0, 8).parallel().forEach(thread -> agrees(table, naive(texts, 3), Integer.MAX_VALUE, 1));
        }
    }

    @Test
    void anNgramTakesAtMostSixteenBytesAndALittle() {
        List<int[]> texts = List.of(Seeds.generator(1).ints(100_000, 0, 2000).toArray());
        NgramTable table = NgramTable.of(2000, 4, texts);
        long ngrams = naive(texts, 4).values().stream().mapToLong(Map::size).sum();
        assertThat((double) table.bytes() / ngrams).isLessThan(16.5);
    }

    @Test
    void damagedFilesAreRefusedByName() throws IOException {
        refused("another kind of file", bytes -> new byte[] {1, 2, 3});
        refused("another kind of file", bytes -> with(bytes, 0, bytes[0] + 1));
        refused("too new", bytes -> with(bytes, 8, 2));
        refused("truncated", bytes -> Arrays.copyOf(bytes, bytes.length - 1));
        refused("truncated", bytes -> Arrays.copyOf(bytes, 60));
        refused("truncated", bytes -> Arrays.copyOf(bytes, 20));
        refused("corrupt", bytes -> with(bytes, 24, bytes[24] + 1));
        refused("corrupt", bytes -> Arrays.copyOf(bytes, bytes.length + 8));
        refused("no such file", bytes -> null);
    }

    @Test
    void aDamagedBodyIsFoundByVerifyAndNeverReadBeyond() throws IOException {
        byte[] whole = whole();
        int body = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getInt(12);
        int[] text = {1, 2, 3};
        for (int at = body; at < whole.length; at++) {
            Path file = folder.resolve("damaged");
            Files.write(file, with(whole, at, ~whole[at]));
            try (NgramTable table = NgramTable.open(file)) {
                assertThatThrownBy(table::verify).isInstanceOf(Failure.class).hasMessageContaining("corrupt");
                Followers followers = table.followers();
                for (int k = 0; k < 3; k++) askedSafely(followers, text, k);
            }
        }
    }

    private static void askedSafely(Followers followers, int[] text, int k) {
        try {
            if (!followers.find(text, text.length, k)) return;
            for (int i = 0; i < followers.size(); i++)
                assertThat(followers.id(i)).isBetween(0, 9);
        } catch (Failure e) {
            assertThat(e).hasMessageContaining("corrupt");
        }
    }

    private void refused(String message, UnaryOperator<byte[]> damage) throws IOException {
        Path file = folder.resolve("refused");
        Files.deleteIfExists(file);
        byte[] bytes = damage.apply(whole());
        if (bytes != null) Files.write(file, bytes);
        assertThatThrownBy(() -> NgramTable.open(file))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.DATA))
                .hasMessageContaining(file.toString())
                .hasMessageContaining(message);
    }

    private byte[] whole() throws IOException {
        Path file = folder.resolve("whole");
        NgramTable.of(10, 3, List.of(new int[] {1, 2, 3, 1, 2, 4})).write(file);
        return Files.readAllBytes(file);
    }

    private static byte[] with(byte[] bytes, int at, int value) {
        byte[] changed = bytes.clone();
        changed[at] = (byte) value;
        return changed;
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        assertThatThrownBy(() -> NgramTable.of(3, 2, List.of(new int[] {1, 3})))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("token 3");
    }

    @Test
    void ordersAreOneToFive() {
        for (int order : new int[] {0, 6}) {
            assertThatThrownBy(() -> new NgramCounter(3, order))
                    .isInstanceOfSatisfying(
                            Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.USAGE));
        }
    }
}
