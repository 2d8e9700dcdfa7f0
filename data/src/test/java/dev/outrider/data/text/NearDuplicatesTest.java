package dev.outrider.data.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Seeds;
import dev.outrider.data.Sessions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import scala.Tuple2;

class NearDuplicatesTest {
    private static final NearDuplicates FINDER = NearDuplicates.standard(3);

    @Test
    void similarityAgreesWithSets() {
        Seeds.run(20, random -> {
            Set<Integer> a = new HashSet<>(), b = new HashSet<>();
            for (int i = 0; i < 30; i++) (random.nextBoolean() ? a : b).add(random.nextInt(40));
            b.add(1);
            Set<Integer> both = new HashSet<>(a), either = new HashSet<>(a);
            both.retainAll(b);
            either.addAll(b);
            assertThat(WordGrams.similarity(sorted(a), sorted(b)))
                    .isCloseTo(both.size() / (double) either.size(), within(1e-12));
        });
    }

    private static int[] sorted(Set<Integer> set) {
        return set.stream().mapToInt(i -> i).sorted().toArray();
    }

    @Test
    void wordsWithoutCaseAndPunctuation() {
        assertThat(WordGrams.words("Hello, WORLD!  It's 3.")).containsExactly("hello", "world", "it", "s", "3");
        assertThat(WordGrams.words("你好 ok")).containsExactly("你", "好", "ok");
        assertThat(WordGrams.of(List.of("a", "b"), 5)).hasSize(1);
        assertThat(WordGrams.of(List.of("a", "b", "a", "b"), 2)).hasSize(2);
        assertThat(WordGrams.of(List.of(), 2)).isEmpty();
    }

    @Test
    void settingsAreChecked() {
        assertThatThrownBy(() -> new NearDuplicates(0, 5, 1)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new NearDuplicates(0.8, 0, 1)).isInstanceOf(Failure.class);
        assertThat(FINDER.rows()).isEqualTo(4);
    }

    /** Every text that is like one with a smaller key goes, and no other: by comparing all pairs. */
    @Test
    @Tag("slow")
    void findsWhatAllPairsFind() {
        Map<String, String> texts = texts(Seeds.generator(11));
        Map<String, String> expected = new TreeMap<>();
        texts.forEach((key, text) -> texts.keySet().stream()
                .filter(other -> other.compareTo(key) < 0 && similarity(text, texts.get(other)) >= FINDER.similarity())
                .findFirst()
                .ifPresent(other -> expected.put(key, other)));
        assertThat(expected.size()).isBetween(20, texts.size() / 2);
        SparkSession spark = Sessions.open("local[2]", Map.of());
        for (int partitions : new int[] {1, 3}) {
            assertThat(new TreeMap<>(find(spark, texts, partitions))).isEqualTo(expected);
        }
        spark.stop();
    }

    private static Map<String, String> find(SparkSession spark, Map<String, String> texts, int partitions) {
        List<Tuple2<String, String>> pairs = texts.entrySet().stream()
                .map(e -> new Tuple2<>(e.getKey(), e.getValue()))
                .toList();
        var rdd = JavaSparkContext.fromSparkContext(spark.sparkContext())
                .parallelize(new ArrayList<>(pairs), partitions)
                .mapToPair(p -> p);
        return FINDER.find(spark, rdd).collectAsMap();
    }

    private static double similarity(String a, String b) {
        return WordGrams.similarity(NearDuplicates.set(a, FINDER.words()), NearDuplicates.set(b, FINDER.words()));
    }

    // Texts of random words, some of them with a few words changed; none at the edge, where hashing is by chance.
    private static Map<String, String> texts(RandomGenerator random) {
        Map<String, String> out = new TreeMap<>();
        for (int i = 0; i < 60; i++) {
            String[] words = IntStream.range(0, 120)
                    .mapToObj(w -> "w" + random.nextInt(5000))
                    .toArray(String[]::new);
            for (int copy = 0; copy < (i % 3 == 0 ? 3 : 1); copy++) {
                String[] other = words.clone();
                for (int c = 0; c < copy; c++) other[random.nextInt(other.length)] = "changed" + copy;
                out.put(
                        "%016x".formatted(random.nextLong()),
                        Arrays.stream(other).collect(Collectors.joining(copy == 1 ? ", " : " ")));
            }
        }
        return out;
    }
}
