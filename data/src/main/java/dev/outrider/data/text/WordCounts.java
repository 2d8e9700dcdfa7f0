package dev.outrider.data.text;

import dev.outrider.checkpoints.tokenizer.Words;
import dev.outrider.data.SparkFailures;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/** How often each word comes in the distinct normalised texts of a source: what a BPE trainer needs. */
public final class WordCounts {
    private WordCounts() {}

    private interface MostFrequent extends Comparator<Tuple2<String, Long>>, java.io.Serializable {}

    private static final MostFrequent ORDER =
            (a, b) -> a._2().equals(b._2()) ? a._1().compareTo(b._1()) : b._2().compareTo(a._2());

    /** @param most so many of the most frequent words; among equals the first in order of their letters */
    public static Map<String, Long> of(SparkSession spark, Source source, int most) {
        return SparkFailures.unwrapped(() -> {
            JavaRDD<String> texts = source.read(spark).map(Normalise::text).distinct();
            List<Tuple2<String, Long>> top = texts.flatMap(
                            text -> Words.split(text).iterator())
                    .mapToPair(word -> new Tuple2<>(word, 1L))
                    .reduceByKey(Long::sum)
                    .map(pair -> pair)
                    .takeOrdered(most, ORDER);
            Map<String, Long> counts = new TreeMap<>();
            top.forEach(pair -> counts.put(pair._1(), pair._2()));
            return counts;
        });
    }
}
