package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.SparkFailures;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.Shards;
import dev.outrider.decode.model.Picture;
import dev.outrider.decode.ngram.NgramCounter;
import dev.outrider.decode.ngram.NgramCounts;
import dev.outrider.decode.ngram.NgramHeader;
import dev.outrider.decode.ngram.NgramTable;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * Makes an n-gram table from shards: supervised tokens are counted, each after the tokens before it in its row,
 * a prompt's included, its pictures left out. A task counts some million n-grams and splits them by ranges of their keys; one task a
 * range adds them up and leaves out what is not kept; the driver writes the file range by range. The table does
 * not depend on the number of tasks. Every executor must see the shards.
 */
public final class AnswerNgrams {
    /** Supervised tokens a task counts, about. */
    private static final long TASK_TOKENS = 1 << 20;

    private AnswerNgrams() {}

    /**
     * What to make.
     *
     * @param shards folders of shards, all of one tokenizer
     * @param output the table's file, replaced if there is one
     * @param order the longest n-gram, 1 to 5: contexts have up to order - 1 tokens
     * @param most followers to keep of each context
     * @param least contexts that came fewer times are left out
     */
    public record Spec(List<Path> shards, Path output, int order, int most, int least) {
        public Spec {
            shards = List.copyOf(shards);
            require(!shards.isEmpty(), "no shards", "at least one folder of shards");
            require(order >= 1 && order <= 5, "order " + order, "1 to 5");
            require(most >= 1, most + " followers", "1 or more");
            require(least >= 1, "contexts from " + least + " times on", "1 or more");
        }

        /** Order 5, 16 followers, all contexts. */
        public Spec(Path shards, Path output) {
            this(List.of(shards), output, 5, 16, 1);
        }

        private static void require(boolean ok, String found, String expected) {
            if (!ok) throw Failure.usage("n-gram table", found, expected, "Correct the setting.");
        }
    }

    /** Rows of a folder, for one task. */
    private record Rows(String folder, long from, long to) implements Serializable {}

    /** How much a range of keys keeps of contexts of one length. */
    private record Size(int number, int contexts, int entries) implements Serializable {}

    /**
     * Makes the table.
     *
     * @throws Failure DATA for shards that are damaged, without supervised tokens or of different tokenizers
     */
    public static NgramHeader make(SparkSession spark, Spec spec) {
        return make(spark, spec, TASK_TOKENS);
    }

    static NgramHeader make(SparkSession spark, Spec spec, long taskTokens) {
        Map<Path, ShardManifest> manifests = manifests(spec);
        ShardManifest first = manifests.values().iterator().next();
        int ranges = (int) (1 + tokens(manifests) * spec.order() / (4 * taskTokens));
        return SparkFailures.unwrapped(() -> {
            JavaPairRDD<Integer, NgramCounts> kept = kept(
                            spark, spec, tasks(manifests, taskTokens), first.vocabSize(), ranges)
                    .persist(StorageLevel.MEMORY_AND_DISK_SER());
            NgramHeader header = header(spec, manifests, first, kept, ranges);
            NgramTable.write(
                    spec.output(),
                    header,
                    writer -> kept.toLocalIterator()
                            .forEachRemaining(range -> writer.add(range._1() / ranges, range._2())));
            kept.unpersist();
            return header;
        });
    }

    private static Map<Path, ShardManifest> manifests(Spec spec) {
        Map<Path, ShardManifest> manifests = new TreeMap<>();
        for (Path folder : spec.shards()) {
            ShardManifest manifest = ShardManifest.read(folder);
            for (ShardManifest other : manifests.values()) requireSame(folder, manifest, other);
            manifests.put(folder, manifest);
        }
        if (tokens(manifests) > 0) return manifests;
        throw Failure.data(
                spec.shards().toString(), "no supervised tokens", "answers of the target", "Give other shards.");
    }

    private static void requireSame(Path folder, ShardManifest manifest, ShardManifest other) {
        if (manifest.tokenizerHash().equals(other.tokenizerHash()) && manifest.vocabSize() == other.vocabSize()) return;
        throw Failure.data(
                folder.toString(),
                "tokens of tokenizer " + manifest.tokenizerHash(),
                "those of " + other.tokenizerHash() + ", as in the other shards",
                "Make all shards with the target's tokenizer.");
    }

    private static long tokens(Map<Path, ShardManifest> manifests) {
        return manifests.values().stream()
                .mapToLong(ShardManifest::supervisedTokens)
                .sum();
    }

    /** By length of context · ranges + range: what the table keeps. One partition each, in this order. */
    private static JavaPairRDD<Integer, NgramCounts> kept(
            SparkSession spark, Spec spec, List<Rows> tasks, int vocabulary, int ranges) {
        int order = spec.order();
        int most = spec.most();
        int least = spec.least();
        return JavaSparkContext.fromSparkContext(spark.sparkContext())
                .parallelize(tasks, tasks.size())
                .flatMapToPair(rows -> counted(rows, vocabulary, order, ranges))
                .groupByKey(new Numbered(order * ranges))
                .mapToPair(range -> new Tuple2<>(
                        range._1(),
                        range._1() < ranges
                                ? summed(range._2()).prune(Integer.MAX_VALUE, 1)
                                : summed(range._2()).prune(most, least)));
    }

    private static List<Rows> tasks(Map<Path, ShardManifest> manifests, long tokens) {
        List<Rows> tasks = new ArrayList<>();
        manifests.forEach((folder, manifest) -> {
            long rows = manifest.rows();
            long step = Math.max(1, rows * tokens / Math.max(1, manifest.supervisedTokens()));
            for (long from = 0; from < rows; from += step) {
                tasks.add(new Rows(folder.toAbsolutePath().toString(), from, Math.min(rows, from + step)));
            }
        });
        return tasks;
    }

    private static Iterator<Tuple2<Integer, NgramCounts>> counted(Rows rows, int vocabulary, int order, int ranges) {
        NgramCounter counter = new NgramCounter(vocabulary, order);
        try (Shards shards = Shards.open(Path.of(rows.folder))) {
            int[] tokens = new int[shards.length()];
            byte[] mask = new byte[shards.length()];
            for (long row = rows.from; row < rows.to; row++) {
                shards.read(row, tokens, 0, mask, 0);
                count(counter, tokens, mask);
            }
        }
        List<Tuple2<Integer, NgramCounts>> split = new ArrayList<>();
        NgramCounts[] counts = counter.counts();
        for (int k = 0; k < order; k++) {
            NgramCounts[] parts = counts[k].split(ranges);
            for (int i = 0; i < ranges; i++) if (parts[i].size() > 0) split.add(new Tuple2<>(k * ranges + i, parts[i]));
        }
        return split.iterator();
    }

    private static void count(NgramCounter counter, int[] tokens, byte[] mask) {
        int length = left(tokens, mask);
        for (int from = 0, to; from < length; from = to) {
            to = from + 1;
            while (to < length && mask[to] == mask[from]) to++;
            if (mask[from] == 1) counter.count(tokens, from, to);
        }
    }

    /** Moves a row together, its pictures left out; what is left of it. */
    private static int left(int[] tokens, byte[] mask) {
        int length = 0;
        for (int i = 0; i < tokens.length; i++) {
            if (Picture.isPlaceholder(tokens[i])) continue;
            tokens[length] = tokens[i];
            mask[length++] = mask[i];
        }
        return length;
    }

    private static NgramCounts summed(Iterable<NgramCounts> parts) {
        NgramCounts all = new NgramCounts(0);
        parts.forEach(all::addAll);
        return all.sum();
    }

    private static NgramHeader header(
            Spec spec,
            Map<Path, ShardManifest> manifests,
            ShardManifest first,
            JavaPairRDD<Integer, NgramCounts> kept,
            int ranges) {
        long[] contexts = new long[spec.order()];
        long[] entries = new long[spec.order()];
        kept.map(range -> new Size(range._1(), range._2().contexts(), range._2().size()))
                .collect()
                .forEach(size -> {
                    contexts[size.number / ranges] += size.contexts;
                    entries[size.number / ranges] += size.entries;
                });
        return new NgramHeader(
                first.vocabSize(), first.tokenizerHash(), tokens(manifests), contexts, entries, facts(spec, manifests));
    }

    private static Map<String, String> facts(Spec spec, Map<Path, ShardManifest> manifests) {
        Map<String, String> facts = new TreeMap<>();
        int i = 0;
        for (ShardManifest manifest : manifests.values()) {
            facts.put("shards." + i, manifest.hash());
            if (manifest.facts().containsKey("target"))
                facts.put("target." + i, manifest.facts().get("target"));
            i++;
        }
        facts.put("most_followers", Integer.toString(spec.most()));
        facts.put("least_count", Integer.toString(spec.least()));
        return facts;
    }

    /** Key i goes to partition i. */
    private static final class Numbered extends Partitioner {
        private final int partitions;

        private Numbered(int partitions) {
            this.partitions = partitions;
        }

        @Override
        public int numPartitions() {
            return partitions;
        }

        @Override
        public int getPartition(Object key) {
            return (Integer) key;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Numbered same && same.partitions == partitions;
        }

        @Override
        public int hashCode() {
            return partitions;
        }
    }
}
