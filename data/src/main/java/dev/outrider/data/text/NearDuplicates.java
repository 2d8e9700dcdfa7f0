package dev.outrider.data.text;

import dev.outrider.checkpoints.Failure;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.ml.feature.MinHashLSH;
import org.apache.spark.ml.feature.MinHashLSHModel;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * Texts that are nearly another one. A text is the set of its runs of words; pairs that may be alike are found by
 * locality-sensitive hashing (Spark ML's MinHash, its hashes in bands: a pair of similarity s meets in one of b
 * bands of r hashes with probability 1 - (1 - s^r)^b), and then compared exactly. Of every pair the text with the
 * larger key goes, so no two that stay were found alike. Deterministic: the same texts and seed lose the same ones.
 *
 * @param similarity Jaccard's, from which on two texts count as one; in (0, 1]
 * @param words length of a run
 */
public record NearDuplicates(double similarity, int words, long seed) implements Serializable {
    private static final int HASHES = 64, FEATURES = 1 << 30;
    private static final double FOUND = 0.999;
    // Others that a text is compared with in a band where many meet.
    private static final int MOST = 50;

    public NearDuplicates {
        if (similarity <= 0 || similarity > 1) {
            throw Failure.usage(
                    "near duplicates", "similarity " + similarity, "a number in (0, 1]", "Correct the setting.");
        }
        if (words < 1) throw Failure.usage("near duplicates", words + " words", "1 or more", "Correct the setting.");
    }

    /** Four fifths of the runs of five words in common. */
    public static NearDuplicates standard(long seed) {
        return new NearDuplicates(0.8, 5, seed);
    }

    /** Hashes of a band: as many as still find a pair of this similarity with probability 0.999. */
    int rows() {
        for (int r = 8; r > 1; r--) {
            if (1 - Math.pow(1 - Math.pow(similarity, r), HASHES / r) >= FOUND) return r;
        }
        return 1;
    }

    /**
     * @param texts under keys of their own
     * @return the keys that go, each with the smallest key it was found like
     */
    public JavaPairRDD<String, String> find(SparkSession spark, JavaPairRDD<String, String> texts) {
        int length = words;
        JavaPairRDD<String, int[]> sets = texts.mapValues(text -> set(text, length))
                .filter(one -> one._2().length > 0)
                .persist(StorageLevel.MEMORY_AND_DISK_SER());
        double least = similarity;
        return candidates(hashes(spark, sets))
                .join(sets)
                .mapToPair(p -> new Tuple2<>(p._2()._1(), new Tuple2<>(p._1(), p._2()._2())))
                .join(sets)
                .filter(p -> WordGrams.similarity(p._2()._1()._2(), p._2()._2()) >= least)
                .mapToPair(p -> new Tuple2<>(p._1(), p._2()._1()._1()))
                .reduceByKey((a, b) -> a.compareTo(b) <= 0 ? a : b);
    }

    // Runs of words as sorted features.
    static int[] set(String text, int words) {
        return Arrays.stream(WordGrams.of(WordGrams.words(text), words))
                .mapToInt(hash -> (int) (hash & FEATURES - 1))
                .sorted()
                .distinct()
                .toArray();
    }

    private JavaRDD<Row> hashes(SparkSession spark, JavaPairRDD<String, int[]> sets) {
        StructType schema = new StructType().add("key", DataTypes.StringType).add("set", SQLDataTypes.VectorType());
        Dataset<Row> one = spark.createDataFrame(List.of(row("", new int[] {0})), schema);
        MinHashLSHModel model = new MinHashLSH()
                .setInputCol("set")
                .setOutputCol("hashes")
                .setNumHashTables(HASHES)
                .setSeed(seed)
                .fit(one);
        Dataset<Row> all = spark.createDataFrame(sets.map(set -> row(set._1(), set._2())), schema);
        return model.transform(all).select("key", "hashes").javaRDD();
    }

    private static Row row(String key, int[] set) {
        double[] ones = new double[set.length];
        Arrays.fill(ones, 1);
        return RowFactory.create(key, Vectors.sparse(FEATURES, set, ones));
    }

    /** Pairs (smaller key, larger key) that share a band. */
    private JavaPairRDD<String, String> candidates(JavaRDD<Row> hashes) {
        int rows = rows();
        return hashes.flatMapToPair(row -> bands(row, rows))
                .groupByKey()
                .flatMap(band -> pairs(band._2()))
                .distinct()
                .mapToPair(pair -> pair);
    }

    private static Iterator<Tuple2<String, String>> bands(Row row, int rows) {
        List<Vector> hashes = row.getList(1);
        List<Tuple2<String, String>> out = new ArrayList<>();
        for (int band = 0; band < HASHES / rows; band++) {
            StringBuilder name = new StringBuilder().append(band);
            for (int i = 0; i < rows; i++) {
                name.append(' ').append((long) hashes.get(band * rows + i).apply(0));
            }
            out.add(new Tuple2<>(name.toString(), row.getString(0)));
        }
        return out.iterator();
    }

    private static Iterator<Tuple2<String, String>> pairs(Iterable<String> keys) {
        TreeSet<String> sorted = new TreeSet<>();
        keys.forEach(sorted::add);
        List<String> first = sorted.stream().limit(MOST).toList();
        return sorted.stream()
                .flatMap(key -> first.stream()
                        .takeWhile(other -> other.compareTo(key) < 0)
                        .map(other -> new Tuple2<>(other, key)))
                .iterator();
    }
}
