package dev.outrider.data;

import dev.outrider.checkpoints.Failure;
import dev.outrider.data.shard.ShardFolder;
import dev.outrider.data.shard.ShardManifest;
import dev.outrider.data.shard.ShardManifest.ShardFile;
import dev.outrider.data.shard.ShardRow;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;

/**
 * Writes the shards of a split, one Spark task a shard. A record's shard follows from the hash of its key
 * alone and records are sorted by key within it, so the bytes do not depend on the number of partitions or
 * machines. The folder must be one that every executor sees.
 *
 * @param length T
 * @param topK entries of a token's law; 0: none
 * @param pictures whether rows may have pictures
 */
public record SplitWriter(String folder, int length, String tokenizerHash, int topK, boolean pictures)
        implements Serializable {
    public SplitWriter(String folder, int length, String tokenizerHash) {
        this(folder, length, tokenizerHash, 0, false);
    }

    /** Makes a shard's rows from its records, which come sorted by key. */
    public interface Rows<V> extends Serializable {
        Iterator<ShardRow> of(Iterator<V> records);
    }

    /**
     * @param byHash records under keys that are sha256 in hex, possibly with more characters after it
     * @return the shards that got rows, in order
     */
    public <V> List<ShardFile> write(JavaPairRDD<String, V> byHash, long expectedRows, int rowsPerFile, Rows<V> rows) {
        int files = Math.toIntExact(Math.max(1, (expectedRows + rowsPerFile - 1) / rowsPerFile));
        return SparkFailures.unwrapped(() -> byHash
                .repartitionAndSortWithinPartitions(new ByHash(files))
                .mapPartitions(records -> shard(TaskContext.getPartitionId(), rows.of(new Values<>(records))))
                .collect()
                .stream()
                .sorted(Comparator.comparing(ShardFile::name))
                .toList());
    }

    /** Refuses to replace a folder that does not look like what is written here. */
    public static void requireReplaceable(Path output) {
        if (!Files.exists(output) || Files.exists(output.resolve("train").resolve(ShardManifest.NAME))) return;
        String[] inside = output.toFile().list();
        if (inside != null && inside.length == 0) return;
        throw Failure.usage(
                output.toString(),
                "something else than shards",
                "a folder of shards, or none",
                "Choose another output.");
    }

    // Written under a name of the attempt's own: a task that is run twice leaves one shard.
    private Iterator<ShardFile> shard(int index, Iterator<ShardRow> rows) throws IOException {
        if (!rows.hasNext()) return List.<ShardFile>of().iterator();
        Path target = Path.of(folder).resolve(ShardFolder.name(index));
        Path attempt = Path.of(folder)
                .resolve(ShardFolder.name(index) + "." + TaskContext.get().taskAttemptId());
        ShardFile written = ShardFolder.shard(attempt, length, tokenizerHash, topK, pictures, rows);
        Files.move(attempt, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return List.of(new ShardFile(
                        target.getFileName().toString(),
                        written.rows(),
                        written.tokens(),
                        written.supervisedTokens(),
                        written.documents(),
                        written.bytes(),
                        written.sha256()))
                .iterator();
    }

    private record Values<V>(Iterator<scala.Tuple2<String, V>> records) implements Iterator<V> {
        @Override
        public boolean hasNext() {
            return records.hasNext();
        }

        @Override
        public V next() {
            return records.next()._2();
        }
    }
}
